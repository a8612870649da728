import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { whenVisible } from "../src/browser/when-visible";
import { LevelChips } from "../src/components/filters/level-chips";
import { StackedChart } from "../src/components/metrics/stacked-chart";
import { type Histogram, zoomedOut } from "../src/metrics/histogram";
import { MAX_LEVELS, stackOf, strengthsOf } from "../src/metrics/series";
import { fieldOf, timeOfEdited, timeOfField } from "../src/records/field-time";
import { EVERYTHING } from "../src/records/filter";

// Importing uPlot asks the screen how dense it is; nothing is drawn here.
vi.mock("uplot", () => ({ default: class {} }));
// The choices of a reader come from a browser.
vi.mock("../src/components/preferences/preferences-context", () => ({
  useChoices: () => ({ theme: "system", language: "en", zone: "utc" }),
  useTexts: (texts: { en: unknown }) => texts.en,
}));

beforeEach(() => {
  vi.stubEnv("TZ", "Asia/Seoul");
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const stack = stackOf({
  times_ms: [Date.UTC(2026, 0, 1)],
  step_ms: 1000,
  counts: [new Map(Object.entries({ error: 2, fatal: 1, info: 4 }))],
});

function histogram(start: string, end: string): Histogram {
  return { start, end, stack, total: 7, countedFrom: null };
}

test("a range is zoomed out around its middle, a live one further back so that it stays live", () => {
  const counted = histogram("2026-01-01T10:00:00.000000Z", "2026-01-01T11:00:00.000001Z");
  expect(zoomedOut({ start: counted.start, end: counted.end }, counted)).toEqual({
    start: "2026-01-01T09:30:00.000000Z",
    end: "2026-01-01T11:30:00.000002Z",
  });
  expect(zoomedOut({ start: "-1h", end: "" }, counted)).toEqual({ start: "2026-01-01T08:59:59.999999Z", end: "" });
});

test("zooming out ends where time begins", () => {
  const counted = histogram("1975-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z");
  expect(zoomedOut({ start: "", end: counted.end }, counted).start).toBe("1970-01-01T00:00:00.000000Z");
});

test("what the server names no level for and what is past the most frequent are one series, the last", () => {
  const counts = new Map([["", 50]]);
  for (let index = 0; index <= MAX_LEVELS; index += 1) counts.set(`own${index}`, index + 1);
  const { series } = stackOf({ times_ms: [0], step_ms: 1000, counts: [counts] });
  expect(series.map(({ name }) => name).filter((name) => name === "")).toHaveLength(1);
  expect(series.at(-1)).toEqual({ name: "", severity: 0, values: [51] });
});

test("levels of one kind differ in strength, the first of each is full", () => {
  const severities = [24, 17, 9, 17, 13].map((severity, index) => ({ name: `level${index}`, severity }));
  const [alert = 0, error = 0, info, third = 0, warn] = strengthsOf(severities);
  expect([alert, info, warn]).toEqual([1, 1, 1]);
  expect(alert > error && error > third && third > 0).toBe(true);
});

test("fields show times on the reader's clock and give them back, in both zones", () => {
  const time = "2024-08-06T18:51:32.513000Z";
  expect(fieldOf(time, "local")).toBe("2024-08-07T03:51:32.513");
  expect(fieldOf(time, "utc")).toBe("2024-08-06T18:51:32.513");
  for (const zone of ["local", "utc"] as const) expect(timeOfField(fieldOf(time, zone), zone)).toBe(time);
  expect(["-15m", "now", ""].map((open) => fieldOf(open, "local"))).toEqual(["", "", ""]);
  expect(timeOfField("", "utc")).toBe("");
  expect(timeOfField("12345-01-01T00:00", "utc")).toBeNull();
});

test("a field that was not touched keeps its microseconds", () => {
  const time = "2024-08-06T18:51:32.513200Z";
  for (const zone of ["local", "utc"] as const) expect(timeOfEdited(fieldOf(time, zone), time, zone)).toBe(time);
  expect(timeOfEdited("2024-08-06T18:51:32.514", time, "utc")).toBe("2024-08-06T18:51:32.514000Z");
  expect(timeOfEdited("", "-15m", "utc")).toBe("");
  // In the services' form whatever the address had, so that start and end can be compared.
  expect(timeOfEdited("2024-08-06T18:51:32.000", "2024-08-07T03:51:32+09:00", "utc")).toBe(
    "2024-08-06T18:51:32.000000Z",
  );
});

test("a tab that nobody sees asks once it is seen, and only once", () => {
  const page = Object.assign(new EventTarget(), { visibilityState: "hidden" });
  let [calls, left] = [0, 0];
  whenVisible(
    () => {
      calls += 1;
    },
    page as unknown as Document,
  );
  const stop = whenVisible(
    () => {
      left += 1;
    },
    page as unknown as Document,
  );
  stop();
  expect(calls).toBe(0);
  page.visibilityState = "visible";
  for (const _ of [1, 2]) page.dispatchEvent(new Event("visibilitychange"));
  expect([calls, left]).toEqual([1, 0]);
  whenVisible(
    () => {
      calls += 1;
    },
    page as unknown as Document,
  );
  expect(calls).toBe(2);
});

test("the chart says its sum, its errors and its span, and its legend has the shades of its bars", () => {
  const from_ms = Date.UTC(2026, 0, 1);
  const html = renderToStaticMarkup(
    createElement(StackedChart, { stack, span: { from_ms, to_ms: from_ms + 60_000 }, onRange: () => {} }),
  );
  expect(html).toMatch(
    /role="img" aria-label="7 records by level over time, including 3 errors, from 2026-01-01 00:00:00\S* to 2026-01-01 00:01:00\S*"/,
  );
  expect(html.match(/--strength:[\d.]+%/g)).toEqual(["--strength:100%", "--strength:65%", "--strength:100%"]);
});

test("a chip's name is its level's; a value that can't be filtered by is not offered", () => {
  const facets = {
    levels: [{ name: "a,b", severity: 0, count: 3 }],
    nodes: [],
    distinctNodes: 0,
    sampled: false,
  };
  const html = renderToStaticMarkup(
    createElement(LevelChips, { filter: { ...EVERYTHING, levels: ["warn"] }, facets, onChange: () => {} }),
  );
  const chips = html.match(/<button[^>]*>.*?<\/button>/g) ?? [];
  // What is heard of a chip is what is not hidden from it.
  const heardOf = (chip: string) => chip.replace(/<span[^>]*aria-hidden.*?<\/span>/g, "").replace(/<[^>]*>/g, "");
  const chipOf = (name: string) => chips.find((chip) => heardOf(chip) === name);
  expect(chipOf("warn")).toContain('aria-pressed="true"');
  expect(chipOf("info")).toContain('aria-pressed="false"');
  expect(chipOf("info")).not.toContain("disabled");
  expect(chipOf("a,b")).toContain("disabled");
});
