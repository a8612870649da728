import { beforeEach, expect, test } from "vitest";
import { facetsOf } from "../src/metrics/facets";
import { histogramOf } from "../src/metrics/histogram";
import { KEPT_SECONDS, LiveMetrics } from "../src/metrics/live-metrics";
import { MAX_LEVELS, stackOf, totalOf } from "../src/metrics/series";
import { kindOf, levelsToChoose, severityOf } from "../src/records/levels";

let metrics: LiveMetrics;

beforeEach(() => {
  metrics = new LiveMetrics();
});

function second(index: number, byLevel: Record<string, number>, more: object = {}): string {
  const records = Object.values(byLevel).reduce((sum, count) => sum + count, 0);
  const time = new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString();
  return JSON.stringify({ time, records, by_level: byLevel, by_node: { a: records }, ...more });
}

test("rates, share of errors, lag, drops and nodes of the last minutes", () => {
  metrics.addCounts(second(1, { info: 90, ERROR: 5, fatal: 5 }, { dropped: 3 }));
  metrics.addCounts(
    second(2, { info: 20 }, { by_node: { a: 5, b: 15 }, lag_p50_ms: 12, lag_p99_ms: 80.5, dropped: 4 }),
  );
  expect(metrics.snapshot()).toMatchObject({
    rate: 20,
    meanRate: 60,
    lag_p50_ms: 12,
    lag_p99_ms: 80.5,
    dropped: 7,
    nodes: [
      { name: "a", rate: 52.5 },
      { name: "b", rate: 7.5 },
    ],
  });
  expect(metrics.snapshot().errorShare).toBeCloseTo(10 / 120);
});

test("levels beyond those that an event names are others, and no errors", () => {
  metrics.addCounts(second(1, { error: 10, odd: 20 }, { records: 100, other: { levels: 70, nodes: 0 } }));
  const { stack, errorShare } = metrics.snapshot();
  expect(stack.series.map(({ name, values }) => [name, ...values])).toEqual([
    ["error", 10],
    ["odd", 20],
    ["", 70],
  ]);
  expect(errorShare).toBeCloseTo(0.1);
});

test("without records there is no share of errors", () => {
  metrics.addCounts(second(1, {}));
  expect(metrics.snapshot()).toMatchObject({ rate: 0, errorShare: null, nodes: [{ name: "a", rate: 0 }] });
});

test("a second that comes again, as a stream that goes on repeats them, counts once; late ones are inserted", () => {
  for (const index of [1, 3, 2, 3, 1]) metrics.addCounts(second(index, { info: index }));
  const { stack } = metrics.snapshot();
  expect(stack.series[0]?.values).toEqual([1, 2, 3]);
});

test("only the last minutes are kept", () => {
  for (let index = 0; index <= KEPT_SECONDS + 10; index += 1) metrics.addCounts(second(index, { info: 1 }));
  expect(metrics.snapshot().stack.times_ms).toHaveLength(KEPT_SECONDS);
});

test("what is no counts changes nothing", () => {
  const before = metrics.snapshot();
  for (const data of ["", "null", "7", "{}", '{"time":"never"}']) metrics.addCounts(data);
  expect(metrics.snapshot()).toBe(before);
});

test("observers are told, until they leave", () => {
  let notified = 0;
  const leave = metrics.subscribe(() => {
    notified += 1;
  });
  metrics.addCounts(second(1, {}));
  leave();
  metrics.addCounts(second(2, {}));
  expect(notified).toBe(1);
});

test("the most frequent levels by severity, the rest as one", () => {
  const counts = new Map([
    ["info", 9],
    ["error", 1],
  ]);
  for (let index = 0; index < MAX_LEVELS; index += 1) counts.set(`own${index}`, index + 2);
  const { series } = stackOf({ times_ms: [0], step_ms: 1000, counts: [counts] });
  expect(series.map(({ name }) => name)).toEqual(["info", ...[1, 2, 3, 4, 5, 6, 7].map((index) => `own${index}`), ""]);
  expect(series.at(-1)?.values).toEqual([3]);
  expect(series.reduce((sum, level) => sum + totalOf(level), 0)).toBe([...counts.values()].reduce((a, b) => a + b));
});

test("a histogram: times, levels in any case as one, severities as the server has them", () => {
  const histogram = histogramOf({
    start: "2026-01-01T00:00:30Z",
    end: "2026-01-01T00:02:00Z",
    bucket_s: 60,
    buckets: [
      { start: "2026-01-01T00:00:00.000000Z", total: 10, counts: { info: 5, INFO: 2, odd: 1 } },
      { start: "2026-01-01T00:01:00.000000Z", total: 0, counts: {} },
    ],
    levels: [
      { level: "info", severity: 9, count: 5 },
      { level: "odd", severity: 0, count: 1 },
    ],
    total: 10,
    complete: false,
    scanned_from: "2026-01-01T00:00:10Z",
  });
  expect(histogram).toMatchObject({
    start: "2026-01-01T00:00:30.000000Z",
    total: 10,
    countedFrom: "2026-01-01T00:00:10.000000Z",
    stack: { times_ms: [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 0, 1)], step_ms: 60_000 },
  });
  expect(histogram?.stack.series).toEqual([
    { name: "info", severity: 9, values: [7, 0] },
    { name: "odd", severity: 0, values: [1, 0] },
    { name: "", severity: 0, values: [2, 0] },
  ]);
});

test.each([
  null,
  1,
  {},
  { start: "x", end: "y", bucket_s: 1, buckets: [] },
  { start: "2026-01-01T00:00:00Z", end: "2026-01-01T00:00:00Z", bucket_s: 1, buckets: [null] },
])("no histogram: %j", (body) => {
  expect(histogramOf(body)).toBeNull();
});

test("facets: levels in any case as one, nodes as they are", () => {
  const facets = facetsOf({
    levels: {
      over: "all",
      top: [
        { value: "INFO", count: 2, severity: 9 },
        { value: "info", count: 3, severity: 9 },
        { value: 7, count: 1 },
      ],
    },
    nodes: { over: { records: 10 }, distinct: 40, top: [{ value: "API-1", count: 5 }] },
  });
  expect(facets).toEqual({
    levels: [{ name: "info", severity: 9, count: 5 }],
    nodes: [{ value: "API-1", count: 5, severity: 0 }],
    distinctNodes: 40,
    sampled: true,
  });
  expect(facetsOf({ levels: { top: [] } })).toBeNull();
});

test("levels to choose from: the usual, the chosen and the found, the severest first", () => {
  const counted = [
    { name: "fatal", severity: 21 },
    { name: "audit", severity: 0 },
    { name: "", severity: 0 },
  ];
  expect(levelsToChoose(counted, ["mine"]).map(({ name }) => name)).toEqual([
    "fatal",
    "error",
    "warn",
    "info",
    "http",
    "debug",
    "audit",
    "mine",
  ]);
});

test("severities of names as the services know them, and their kinds", () => {
  const names = ["ERROR", "warn3", "notice", "silly", "audit", "toString", "fatal4"];
  expect(names.map(severityOf)).toEqual([17, 15, 10, 1, 0, 0, 24]);
  expect([24, 17, 16, 13, 12, 9, 8, 1, 0].map(kindOf)).toEqual([
    "error",
    "error",
    "warn",
    "warn",
    "info",
    "info",
    "debug",
    "debug",
    "none",
  ]);
});
