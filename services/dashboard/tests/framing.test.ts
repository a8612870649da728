import { expect, test } from "vitest";
import { readEvent } from "../src/live/framing";
import { exampleRecord } from "./example-records";

test("logs: a JSON array of records", () => {
  const records = [exampleRecord(1, 1), exampleRecord(2, 2)];
  expect(readEvent("logs", JSON.stringify(records))).toEqual({ kind: "records", records, unreadable: 0 });
});

test("counts carry an id and nothing to show", () => {
  expect(readEvent("counts", "{}")).toBeNull();
  expect(readEvent("live", "{}")).toBeNull();
});

test("gap: range and reason", () => {
  const event = readEvent("gap", '{"from":"2026-01-01T00:00:00Z","to":"2026-01-01T00:01:00.5Z","reason":"expired"}');
  expect(event).toMatchObject({
    kind: "notice",
    notice: {
      kind: "gap",
      from: "2026-01-01T00:00:00.000000Z",
      to: "2026-01-01T00:01:00.500000Z",
      since: "2026-01-01T00:00:00.000000Z",
      until: "2026-01-01T00:01:00.500000Z",
      reason: "expired",
      filling: "open",
    },
  });
});

test("gap: when it happened, where that is narrower than the range", () => {
  const received = '"received_from":"2026-01-01T00:10:00Z","received_to":"2026-01-01T00:11:00Z"';
  const event = readEvent("gap", `{"from":"2026-01-01T00:00:00Z","to":"2026-01-01T00:21:00Z",${received}}`);
  expect(event).toMatchObject({
    notice: {
      from: "2026-01-01T00:00:00.000000Z",
      since: "2026-01-01T00:10:00.000000Z",
      until: "2026-01-01T00:11:00.000000Z",
    },
  });
});

test("gap: ends that are not known stay open", () => {
  expect(readEvent("gap", '{"from":null,"to":null}')).toMatchObject({ notice: { from: null, to: null, reason: "" } });
});

test("dropped: number of records beside the range", () => {
  const event = readEvent(
    "dropped",
    '{"records":7,"reason":"slow","from":"2026-01-01T00:00:00Z","to":"2026-01-01T00:00:01Z"}',
  );
  expect(event).toMatchObject({ kind: "notice", notice: { kind: "dropped", records: 7 } });
});

test("every notice has an id of its own", () => {
  const ids = [1, 2].map(() => {
    const event = readEvent("gap", "{}");
    return event?.kind === "notice" ? event.notice.id : null;
  });
  expect(new Set(ids).size).toBe(2);
});

test("status: what the stream says of its servers", () => {
  expect(readEvent("status", '{"broker":"down","recent":"up"}')).toEqual({
    kind: "status",
    status: { broker: "down", recent: "up" },
  });
});

test.each([
  ["logs", "{"],
  ["logs", "{}"],
  ["gap", "5"],
  ["status", "null"],
] as const)("%s with %s can't be read", (name, data) => {
  expect(readEvent(name, data)).toEqual({ kind: "unreadable" });
});
