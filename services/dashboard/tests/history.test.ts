import { afterEach, expect, test, vi } from "vitest";
import { contextOf } from "../src/history/context";
import { pageOf } from "../src/history/history";
import { addressOf, refusalOf, requestJson } from "../src/history/request";
import { exampleRecord, exampleRecords, sequencesOf } from "./example-records";

const NEVER = new AbortController().signal;

afterEach(() => {
  vi.unstubAllGlobals();
});

test("a page: records, where to go on, how far it looked", () => {
  const records = exampleRecords(1, 2);
  expect(pageOf({ records, next_cursor: "c", scanned_until: "2026-01-01T00:00:01Z" })).toEqual({
    records,
    nextCursor: "c",
    scannedUntil: "2026-01-01T00:00:01.000000Z",
  });
  expect(pageOf({ records: [], next_cursor: null })).toEqual({ records: [], nextCursor: null, scannedUntil: null });
});

test.each([null, 1, [], {}, { records: 1 }, { records: [], next_cursor: 5 }])("no page: %j", (body) => {
  expect(pageOf(body)).toBeNull();
});

test("an answer's JSON; asked with every character of a parameter", async () => {
  const fetched = vi.fn(async () => Response.json({ a: 1 }));
  vi.stubGlobal("fetch", fetched);
  expect(await requestJson("/api/logs", [["q", "a&b=c d"]], NEVER)).toEqual({ a: 1 });
  expect(fetched).toHaveBeenCalledWith("/api/logs?q=a%26b%3Dc+d", expect.anything());
  expect(addressOf("/x", [])).toBe("/x");
});

test("no answer, an answer that isn't JSON, a refusal", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("offline")));
  await expect(requestJson("/x", [], NEVER)).rejects.toMatchObject({ kind: "unreachable", address: "/x" });
  vi.stubGlobal("fetch", async () => new Response("<html>"));
  await expect(requestJson("/x", [], NEVER)).rejects.toMatchObject({ kind: "unreadable" });
  vi.stubGlobal("fetch", async () => new Response("<html>", { status: 503 }));
  await expect(requestJson("/x", [], NEVER)).rejects.toMatchObject({
    kind: "refused",
    status: 503,
    title: "",
    problems: [],
  });
});

test("aborted, the signal's reason", async () => {
  const abort = new AbortController();
  vi.stubGlobal("fetch", async () => {
    abort.abort();
    throw new DOMException("", "AbortError");
  });
  await expect(requestJson("/x", [], abort.signal)).rejects.toMatchObject({ name: "AbortError" });
});

test("a refusal in the server's words", () => {
  const error = refusalOf("/x", 400, {
    title: "Invalid parameters",
    detail: "limit: expected",
    problems: [{ name: "q", value: '""', expected: "words" }, "odd", { value: 1 }],
  });
  expect(error).toMatchObject({
    status: 400,
    title: "Invalid parameters",
    detail: "limit: expected",
    problems: [{ name: "q", value: '""', expected: "words" }],
  });
});

test("a context: newest first, with the record among them, and which sides are complete", () => {
  const body = {
    before: exampleRecords(1, 2),
    record: exampleRecord(3, 3),
    after: exampleRecords(4, 5),
    complete: { before: true, after: false },
  };
  const context = contextOf(body, { newer: 20, older: 20 });
  expect(sequencesOf(context?.records ?? [])).toEqual([5, 4, 3, 2, 1]);
  expect(context?.complete).toEqual({ newer: false, older: true });
  expect(contextOf({ ...body, record: {} }, { newer: 20, older: 20 })).toBeNull();
  expect(contextOf({ ...body, before: 1 }, { newer: 20, older: 20 })).toBeNull();
});
