import { expect, test } from "vitest";
import { isRefused, readQueryText } from "../src/records/query-text";

test("words and phrases, with and without a minus, with their positions", () => {
  const { terms, problem } = readQueryText('disk -tmp "is full" -"no space" -');
  expect(problem).toBeNull();
  expect(terms.map(({ text, exclude, phrase, start, end }) => [text, exclude, phrase, start, end])).toEqual([
    ["disk", false, false, 0, 4],
    ["tmp", true, false, 5, 9],
    ["is full", false, true, 10, 19],
    ["no space", true, true, 20, 31],
    ["-", false, false, 32, 33],
  ]);
});

test("in quotes a backslash takes a quote or a backslash as it is", () => {
  expect(readQueryText('"say \\"hi\\" to C:\\\\"').terms.map(({ text }) => text)).toEqual(['say "hi" to C:\\']);
});

test.each([
  ['a ""', "empty", 2, true],
  ['a -""', "empty", 2, true],
  ['a "b c', "open", 2, false],
  [Array(21).fill("w").join(" "), "many", 40, true],
  ["x".repeat(1001), "long", 1000, true],
])("a problem has its position: %s", (text, kind, at, refused) => {
  const query = readQueryText(text);
  expect(query.problem).toEqual({ kind, at });
  expect(isRefused(query)).toBe(refused);
});

test("nothing is no problem", () => {
  expect(readQueryText("  ")).toEqual({ terms: [], problem: null });
});
