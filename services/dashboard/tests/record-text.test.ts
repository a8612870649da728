import { expect, test } from "vitest";
import { plainText, styledParts } from "../src/records/ansi";
import { laidOutJson } from "../src/records/json-text";
import { jsonOf, lineOf } from "../src/records/record-text";
import { exampleRecord } from "./example-records";

const ESC = "\u001b";
const brief = (text: string) =>
  styledParts(text).map(({ text: part, color, background, emphasis }) => [part, color, background, emphasis.join(" ")]);

test("colours and emphasis of a terminal", () => {
  expect(brief(`a ${ESC}[31mred ${ESC}[1;4mbold${ESC}[0m b`)).toEqual([
    ["a ", null, null, ""],
    ["red ", "red", null, ""],
    ["bold", "red", null, "bold underline"],
    [" b", null, null, ""],
  ]);
  expect(brief(`${ESC}[94mbright${ESC}[39m${ESC}[42mon green`)).toEqual([
    ["bright", "blue", null, ""],
    ["on green", null, "green", ""],
  ]);
});

test("reversed colours are swapped", () => {
  expect(brief(`${ESC}[31;7ma${ESC}[44mb`)).toEqual([
    ["a", "black", "red", ""],
    ["b", "blue", "red", ""],
  ]);
});

test("of many colours the nearest that the page has", () => {
  expect(brief(`${ESC}[38;5;196ma${ESC}[38;2;10;200;20mb${ESC}[48;5;21mc`)).toEqual([
    ["a", "red", null, ""],
    ["b", "green", null, ""],
    ["c", "green", "blue", ""],
  ]);
});

test("what a terminal would obey otherwise stays in the text", () => {
  const hostile = [
    `${ESC}[2J${ESC}[H`,
    `${ESC}]8;;http://example.com${ESC}\\link${ESC}]8;;${ESC}\\`,
    `${ESC}[31`,
    `${ESC}[?25l`,
    `${ESC}c`,
    "<script>alert(1)</script>",
    `${ESC}[1;31m<b>${ESC}[m&lt;`,
    `${ESC}[999;999m${ESC}[38;5m${ESC}[38;2;1mx`,
    "",
  ];
  for (const text of hostile) {
    const joined = styledParts(text)
      .map((part) => part.text)
      .join("");
    expect(joined).toBe(plainText(text));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
    expect(plainText(text)).toBe(text.replace(/\u001b\[[\d;]*m/g, ""));
  }
});

test("JSON is laid out without a change of its tokens", () => {
  expect(laidOutJson('{"n":12345678901234567890,"n":1.0,"a":[1,{"b":null}],"é":"\\u00e9"}')).toBe(
    `{
  "n": 12345678901234567890,
  "n": 1.0,
  "a": [
    1,
    {
      "b": null
    }
  ],
  "é": "\\u00e9"
}`,
  );
});

test("what is empty stays on its line, and what was laid out otherwise is laid out alike", () => {
  expect(laidOutJson('{ "a" : { } ,"b":[ [ ], 2 ]\n}')).toBe('{\n  "a": {},\n  "b": [\n    [],\n    2\n  ]\n}');
});

test("laying out moves tokens and changes none", () => {
  const values = ["-0", "1e400", "0.10", '"\\u202e\\/ {[,:]} \\""', "null", "[]", "{}", '{"k":[true,{"k":1}]}'];
  for (const first of values)
    for (const second of values) {
      const json = `{"a":${first},"a":[${second},${first}]}`;
      const withoutLayout = (laidOutJson(json) ?? "").replace(/\n */g, "").replaceAll('": ', '":');
      expect(withoutLayout).toBe(json);
    }
});

test("JSON whose lines would grow without bound is left as it is, and soon", () => {
  const started = performance.now();
  expect(laidOutJson("[".repeat(90_000) + "]".repeat(90_000))).toBeNull();
  // Eight million characters of indentation.
  expect(laidOutJson("[".repeat(2_000) + "]".repeat(2_000))).toBeNull();
  const wide = laidOutJson(JSON.stringify(Array.from({ length: 30_000 }, (_, index) => index)));
  expect(wide?.split("\n")).toHaveLength(30_002);
  // Applying the edits of the library took 14 s for the widest, and did not end within 40 s for the deepest.
  expect(performance.now() - started).toBeLessThan(5_000);
});

test("JSON behind words is laid out below them, colours or not", () => {
  expect(laidOutJson('[worker] {"ms":3}')).toBe('[worker]\n{\n  "ms": 3\n}');
  expect(laidOutJson(`${ESC}[32mdone${ESC}[0m {"ms":3}`)).toBe('done\n{\n  "ms": 3\n}');
});

test.each(["plain", "{not json}", "a [b] c", '{"cut": ', "", "[info] started"])("no JSON: %s", (message) => {
  expect(laidOutJson(message)).toBeNull();
});

test("a record as a line and as JSON", () => {
  const record = exampleRecord(1, 1, {
    message: `${ESC}[31mfull${ESC}[0m`,
    attributes: { path: "/a b", code: "7", e: "" },
  });
  expect(lineOf(record)).toBe(`${record.time} info checkout full path="/a b" code=7 e=""`);
  expect(JSON.parse(jsonOf(record))).toEqual(record);
});
