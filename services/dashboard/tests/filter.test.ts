import { describe, expect, test } from "vitest";
import { EVERYTHING, type Filter, matcherOf, parametersOf } from "../src/records/filter";
import { exampleRecord } from "./example-records";

const matches = (text: string, message: string) => matcherOf({ ...EVERYTHING, text })(exampleRecord(1, 1, { message }));
const withLevels = (...levels: string[]): Filter => ({ levels: new Set(levels), text: "" });

describe("text", () => {
  test.each([
    ["", "anything", true],
    ["timeout", "a Timeout happened", true],
    ["TIMEOUT", "a timeout happened", true],
    ["time out", "the time is out", true],
    ["time out", "the time", false],
    ["-retry", "no more", true],
    ["-retry", "will retry", false],
    ['"user 42"', "user 42 came", true],
    ['"user 42"', "user no. 42", false],
    ['-"user 42"', "user 42 came", false],
    ['"user 4', "user 42 came", true],
    ['"say \\"hi\\""', 'they say "hi" there', true],
    ["-", "a - b", true],
    ["-", "a b", false],
    ["--force", "run --force", false],
    ["--force", "run force", true],
    ['a"b', 'xa"by', true],
    ['a"b c"', 'c" and a"b', true],
  ])("%s on %j: %s", (text, message, expected) => {
    expect(matches(text, message)).toBe(expected);
  });
});

describe("levels", () => {
  test("none chosen lets every level through", () => {
    expect(matcherOf(EVERYTHING)(exampleRecord(1, 1, { level: "whatever" }))).toBe(true);
  });

  test("the chosen ones go through in any case, others don't", () => {
    const chosen = matcherOf(withLevels("error", "warn"));
    expect(chosen(exampleRecord(1, 1, { level: "ERROR" }))).toBe(true);
    expect(chosen(exampleRecord(1, 1, { level: "info" }))).toBe(false);
  });
});

describe("parameters for history", () => {
  test("no filter asks for nothing", () => {
    expect(parametersOf(EVERYTHING)).toEqual({});
  });

  test("levels and text go along", () => {
    expect(parametersOf({ levels: new Set(["warn", "error"]), text: " -a b " })).toEqual({
      level: "error,warn",
      q: "-a b",
    });
  });

  test("a level that the parameter can't name is left to the page's own test", () => {
    expect(parametersOf(withLevels("a,b", "error"))).toEqual({});
  });
});
