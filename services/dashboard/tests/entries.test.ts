import { expect, test } from "vitest";
import { ownGap } from "../src/live/framing";
import { Entries } from "../src/records/entries";
import type { Notice } from "../src/records/notice";
import { compare, newerThan } from "../src/records/order";
import { exampleRecord, exampleRecords } from "./example-records";

const RECORDS = exampleRecords(1, 5).toReversed();

function gapAfter(second: number): Notice {
  const time = exampleRecord(0, second).time;
  return ownGap({ from: time, to: time, since: time, until: time }, "why");
}

function keysOf(entries: Entries): string[] {
  return Array.from({ length: entries.size }, (_, index) => entries.keyAt(index));
}

test("order is by time, then by sequence as a number", () => {
  const [nine, ten] = [exampleRecord(9, 1), exampleRecord(10, 1)];
  expect(compare(ten, nine)).toBeGreaterThan(0);
  expect(compare(exampleRecord(1, 2), ten)).toBeGreaterThan(0);
  expect(compare(nine, { ...nine })).toBe(0);
  expect(newerThan(RECORDS, exampleRecord(3, 3))).toBe(2);
  expect(newerThan(RECORDS, exampleRecord(9, 0))).toBe(5);
});

test("each notice stands above the records up to its time", () => {
  const [early, late] = [gapAfter(2), gapAfter(4)];
  const entries = new Entries(RECORDS, [early, late]);
  expect(keysOf(entries)).toEqual(["5", late.id, "4", "3", early.id, "2", "1"]);
  expect(entries.size).toBe(7);
  expect(entries.at(7)).toBeUndefined();
});

test("drops stand above the records that were not dropped", () => {
  const drops: Notice = {
    ...gapAfter(2),
    kind: "dropped",
    since: exampleRecord(0, 2).time,
    until: exampleRecord(0, 4).time,
  };
  expect(keysOf(new Entries(RECORDS, [drops]))).toEqual(["5", drops.id, "4", "3", "2", "1"]);
});

test("notices of the same time, at the top and below everything", () => {
  const unknown = { ...gapAfter(0), since: null, until: null };
  const notices = [gapAfter(9), gapAfter(9), unknown];
  const entries = new Entries(RECORDS, notices);
  expect(keysOf(entries)).toEqual([notices[0]?.id, notices[1]?.id, "5", "4", "3", "2", "1", unknown.id]);
});

test("an entry's index is where the list has it", () => {
  const notices = [gapAfter(2), gapAfter(4), gapAfter(9)];
  const entries = new Entries(RECORDS, notices);
  for (const record of RECORDS) expect(entries.keyAt(entries.indexOf(record))).toBe(record.sequence);
  expect(entries.indexOf(exampleRecord(77, 3))).toBe(-1);
});
