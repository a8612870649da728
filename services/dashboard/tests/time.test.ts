import { expect, test } from "vitest";
import { canonicalTime, isoOfMicros, justAfter, microsOf } from "../src/records/time";

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
