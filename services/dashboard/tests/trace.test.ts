import { expect, test, vi } from "vitest";
import type { HistoryPage, ReadPage } from "../src/history/history";
import { MAX_TRACE, NO_TRACE_RECORDS, readTrace, type TraceRecords } from "../src/history/trace";
import type { Parameters } from "../src/records/filter";
import { countsBy, durationText, microsBetween, rangeAround, traceIdOf, traceLinkOf } from "../src/records/trace";
import { exampleRecord, exampleRecords } from "./example-records";

const ID = "4bf92f3577b34da6a3ce929d0e0e4736";

test.each([
  [{ trace_id: ID }, ID],
  [{ trace_id: ID.toUpperCase() }, ID.toUpperCase()],
  [{ trace_id: "0".repeat(32) }, null],
  [{ trace_id: ID.slice(1) }, null],
  [{ trace_id: `${ID}0` }, null],
  [{ trace_id: `${ID}\n` }, null],
  [{ trace_id: `g${ID.slice(1)}` }, null],
  [{ trace_id: "" }, null],
  [{ trace: ID }, null],
  [{}, null],
])("a record with %j has the trace %s", (attributes, traceId) => {
  expect(traceIdOf(exampleRecord(1, 1, { attributes: { ...attributes } as Record<string, string> }))).toBe(traceId);
});

test.each([
  ["https://jaeger.example.org/trace/{trace_id}", `https://jaeger.example.org/trace/${ID}`],
  ["http://x/?a={trace_id}&b={trace_id}", `http://x/?a=${ID}&b=${ID}`],
  ["javascript:alert('{trace_id}')", null],
  ["https://jaeger.example.org/trace/", null],
  ["", null],
])("the tracing UI at '%s' has the trace at %s", (pattern, address) => {
  expect(traceLinkOf(pattern, ID.toUpperCase())).toBe(address);
});

test.each([
  [0n, "0 µs"],
  [999n, "999 µs"],
  [1000n, "1.0 ms"],
  [12_345n, "12.3 ms"],
  [999_999n, "999.9 ms"],
  [1_000_000n, "1.00 s"],
  [59_999_999n, "59.99 s"],
  [63_000_000n, "1 min 03 s"],
  [3_600_000_000n, "1 h 00 min"],
  [90_061_000_000n, "25 h 01 min"],
])("%i microseconds are %s", (micros, text) => {
  expect(durationText(micros)).toBe(text);
});

test("between two records: to the microsecond", () => {
  const [earlier, later] = [exampleRecord(1, 1), exampleRecord(2, 2)];
  expect(microsBetween(earlier, { ...later, time: "2026-01-01T00:00:01.000001Z" })).toBe(1n);
  expect(microsBetween(earlier, later)).toBe(1_000_000n);
  expect(microsBetween(earlier, { ...later, time: "soon" })).toBeNull();
});

test("the range around a time", () => {
  expect(rangeAround("2026-01-01T00:30:00.000001Z", 1)).toEqual({
    start: "2025-12-31T23:30:00.000001Z",
    end: "2026-01-01T01:30:00.000001Z",
  });
  expect(rangeAround("soon", 1)).toEqual({ start: "", end: "" });
});

test("its nodes and levels, the most frequent first", () => {
  const records = ["b", "a", "b", "c"].map((node, index) => exampleRecord(index, index, { node }));
  expect(countsBy(records, "node")).toEqual([
    { name: "b", count: 2 },
    { name: "a", count: 1 },
    { name: "c", count: 1 },
  ]);
  expect(countsBy(records, "level")).toEqual([{ name: "info", count: 4 }]);
});

const RANGE = { start: "2026-01-01T00:00:00.000000Z", end: "2026-01-01T02:00:00.000000Z" };
const PARAMETERS: Parameters = [
  [`attr.trace_id`, ID],
  ["start", RANGE.start],
  ["end", RANGE.end],
  ["order", "asc"],
];

async function read(pages: readonly Partial<HistoryPage>[], found = NO_TRACE_RECORDS, abort = new AbortController()) {
  const remaining = [...pages];
  const readPage = vi.fn<ReadPage>(async () => {
    const page = remaining.shift();
    if (page === undefined) throw new Error("no further page was expected");
    return { records: [], nextCursor: null, scannedUntil: null, ...page };
  });
  const reported: TraceRecords[] = [];
  await readTrace({ traceId: ID, range: RANGE, found }, readPage, (progress) => reported.push(progress), abort.signal);
  return { asked: readPage.mock.calls.map(([parameters]) => parameters), reported };
}

test("a trace is read page by page to its end, even past a page without records", async () => {
  const { asked, reported } = await read([
    { records: exampleRecords(1, 2), nextCursor: "a", scannedUntil: "2026-01-01T00:00:02.000000Z" },
    { nextCursor: "b", scannedUntil: "2026-01-01T00:30:00.000000Z" },
    { records: exampleRecords(3, 3) },
  ]);
  expect(asked).toEqual([
    [...PARAMETERS, ["limit", "500"]],
    [...PARAMETERS, ["limit", "500"], ["cursor", "a"]],
    [...PARAMETERS, ["limit", "500"], ["cursor", "b"]],
  ]);
  expect(reported.map(({ records, state, scannedUntil }) => [records.length, state, scannedUntil])).toEqual([
    [2, "reading", "2026-01-01T00:00:02.000000Z"],
    [2, "reading", "2026-01-01T00:30:00.000000Z"],
    [3, "complete", null],
  ]);
});

test("a trace as long as the bound is complete, a longer one has more", async () => {
  const halves = [{ records: exampleRecords(1, 500), nextCursor: "a" }, { records: exampleRecords(501, MAX_TRACE) }];
  const [first, second] = halves;
  expect((await read([{ ...first }, { ...second }])).reported.at(-1)?.state).toBe("complete");
  const longer = await read([
    { ...first },
    { ...second, nextCursor: "b" },
    { records: exampleRecords(MAX_TRACE + 1, MAX_TRACE + 1), nextCursor: "c" },
  ]);
  expect(longer.asked.at(-1)).toEqual([...PARAMETERS, ["limit", "1"], ["cursor", "b"]]);
  expect(longer.reported.at(-1)?.state).toBe("more");
  expect(longer.reported.at(-1)?.records).toHaveLength(MAX_TRACE);
});

test("a stopped search continues where it was", async () => {
  const found: TraceRecords = { records: exampleRecords(1, 1), state: "reading", scannedUntil: null, cursor: "a" };
  const { asked, reported } = await read([{ records: exampleRecords(2, 2) }], found);
  expect(asked).toEqual([[...PARAMETERS, ["limit", "500"], ["cursor", "a"]]]);
  expect(reported.at(-1)?.records).toHaveLength(2);
});

test("a page that comes after the search was aborted is not reported", async () => {
  const abort = new AbortController();
  abort.abort();
  await expect(read([{ records: exampleRecords(1, 1) }], NO_TRACE_RECORDS, abort)).rejects.toMatchObject({
    name: "AbortError",
  });
});
