import { expect, test } from "vitest";
import { compare } from "../src/records/order";
import { recordOf, recordsOf, sortedAttributes } from "../src/records/record";
import { exampleRecord } from "./example-records";

test("a record is read with its fields", () => {
  const sent = exampleRecord(9223372036854, 1, { attributes: { user: "42" } });
  expect(recordOf(JSON.parse(JSON.stringify(sent)))).toEqual(sent);
});

test("a record without severity or attributes is read", () => {
  const { severity: _, attributes: __, ...rest } = exampleRecord(1, 1);
  expect(recordOf(rest)).toMatchObject({ severity: 0, attributes: {} });
});

test.each([
  [null],
  ["text"],
  [{}],
  [{ ...exampleRecord(1, 1), sequence: 1 }],
  [{ ...exampleRecord(1, 1), time: "now" }],
  [{ ...exampleRecord(1, 1), message: null }],
])("%j is no record", (value) => {
  expect(recordOf(value)).toBeNull();
});

test("what is no record is counted beside the records", () => {
  const read = recordsOf([exampleRecord(1, 1), 5]);
  expect(read?.records).toHaveLength(1);
  expect(read?.unreadable).toBe(1);
});

test("order is by time, then by sequence as a number, newest first", () => {
  const sorted = [exampleRecord(9, 1), exampleRecord(10, 1), exampleRecord(1, 2)].sort((a, b) => compare(b, a));
  expect(sorted.map((record) => record.sequence)).toEqual(["1", "10", "9"]);
});

test("attributes are shown by key, in whatever order they came", () => {
  expect(sortedAttributes({ b: "2", a: "1", B: "3" })).toEqual([
    ["B", "3"],
    ["a", "1"],
    ["b", "2"],
  ]);
});
