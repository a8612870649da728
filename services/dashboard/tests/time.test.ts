import { expect, test } from "vitest";
import { canonicalTime, isoOfMicros, justAfter, microsOf, startOf } from "../src/records/time";

test("a time keeps its microseconds, which a Date would lose", () => {
  expect(canonicalTime("2026-01-01T00:00:00.123456Z")).toBe("2026-01-01T00:00:00.123456Z");
});

test("a time without digits or with an offset comes in the services' form", () => {
  expect(canonicalTime("2026-01-01T00:00:00Z")).toBe("2026-01-01T00:00:00.000000Z");
  expect(canonicalTime("2026-01-01T09:00:00.5+09:00")).toBe("2026-01-01T00:00:00.500000Z");
});

test("a time before the epoch is read and written", () => {
  expect(isoOfMicros(-1n)).toBe("1969-12-31T23:59:59.999999Z");
  expect(microsOf("1969-12-31T23:59:59.999999Z")).toBe(-1n);
});

test("the next microsecond carries over", () => {
  expect(justAfter("2026-12-31T23:59:59.999999Z")).toBe("2027-01-01T00:00:00.000000Z");
});

test.each(["", "yesterday", "2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00"])("%j is no time", (text) => {
  expect(canonicalTime(text)).toBeNull();
});

test("the start of a range: relative ones at a moment, others as they are", () => {
  const now_ms = Date.UTC(2026, 0, 31);
  const starts = ["-30s", "-15m", "-2h", "-1d", "-1w"].map((start) => startOf(start, now_ms));
  expect(starts).toEqual([
    "2026-01-30T23:59:30.000000Z",
    "2026-01-30T23:45:00.000000Z",
    "2026-01-30T22:00:00.000000Z",
    "2026-01-30T00:00:00.000000Z",
    "2026-01-24T00:00:00.000000Z",
  ]);
  expect(startOf("2026-01-01T02:00:00+01:00", now_ms)).toBe("2026-01-01T01:00:00.000000Z");
  expect(["", "yesterday", "1767225600"].map((start) => startOf(start, now_ms))).toEqual(["", "", ""]);
});
