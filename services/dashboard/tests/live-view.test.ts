import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { HistoryError, type HistoryPage } from "../src/history/history";
import { LiveView } from "../src/live-view";
import { EVERYTHING } from "../src/records/filter";
import type { LogRecord } from "../src/records/record";
import { exampleRecord, exampleRecords } from "./example-records";
import { type ExampleSource, exampleStream } from "./example-source";

type Parameters = Record<string, string>;

let view: LiveView;
let source: ExampleSource;
let asked: Parameters[];
/** What history answers to the next request. */
let history: (parameters: Parameters) => HistoryPage | Promise<HistoryPage>;

const page = (records: LogRecord[], nextCursor: string | null = null): HistoryPage => ({ records, nextCursor });

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  history = () => page([]);
  const { stream, sources } = exampleStream();
  view = new LiveView(stream, async (parameters) => {
    asked.push(parameters);
    return history(parameters);
  });
  view.start();
  source = sources[0] as ExampleSource;
  source.opens();
});

afterEach(() => {
  view.stop();
  vi.useRealTimers();
});

const streams = (records: LogRecord[]) => {
  source.sends("logs", JSON.stringify(records));
  vi.advanceTimersByTime(100);
};
const shown = () =>
  view
    .snapshot()
    .entries.map((entry) => (entry.kind === "record" ? entry.record.sequence : entry.notice.kind))
    .join(" ");

describe("live", () => {
  test("a storm of events changes the screen a few times, not once an event", () => {
    let changes = 0;
    view.subscribe(() => changes++);
    for (let second = 1; second <= 500; second++) source.sends("logs", JSON.stringify([exampleRecord(second, second)]));
    vi.advanceTimersByTime(100);
    expect(changes).toBe(1);
    expect(view.snapshot().size).toBe(500);
  });

  test("the filter hides records and brings them back", () => {
    streams([exampleRecord(1, 1, { level: "error" }), exampleRecord(2, 2)]);
    view.setFilter({ ...EVERYTHING, levels: new Set(["error"]) });
    expect(shown()).toBe("1");
    view.setFilter(EVERYTHING);
    expect(shown()).toBe("2 1");
  });

  test("paused or scrolled away the list stays; what matches is counted; going on shows it", () => {
    streams([exampleRecord(1, 1)]);
    view.setScrolledAway(true);
    view.setFilter({ ...EVERYTHING, text: "message" });
    streams([exampleRecord(2, 2), exampleRecord(3, 3, { message: "other" })]);
    expect(shown()).toBe("1");
    expect(view.snapshot()).toMatchObject({ held: true, waiting: 1 });
    view.follow();
    expect(shown()).toBe("2 1");
    expect(view.snapshot()).toMatchObject({ held: false, waiting: 0 });
  });

  test("scrolling back up does not end a pause that the reader set", () => {
    view.setPaused(true);
    view.setScrolledAway(true);
    view.setScrolledAway(false);
    streams([exampleRecord(1, 1)]);
    expect(shown()).toBe("");
    view.setPaused(false);
    expect(shown()).toBe("1");
  });

  test("what can't be read is counted, and the rest is shown", () => {
    source.sends("logs", "{");
    source.sends("logs", JSON.stringify([5, exampleRecord(1, 1)]));
    vi.advanceTimersByTime(100);
    expect(view.snapshot().unreadable).toBe(2);
    expect(shown()).toBe("1");
  });

  test("the state of the stream's servers is kept", () => {
    source.sends("status", '{"broker":"down","recent":"up"}');
    expect(view.snapshot().server).toEqual({ broker: "down", recent: "up" });
  });
});

describe("first screen", () => {
  test("history is asked when the stream brings nothing, and empty history means that nothing was ever logged", async () => {
    await vi.advanceTimersByTimeAsync(1500);
    expect(asked).toEqual([{ limit: "500", order: "desc" }]);
    expect(view.snapshot().nothingStored).toBe(true);
    streams([exampleRecord(1, 1)]);
    expect(view.snapshot().nothingStored).toBe(false);
  });

  test("history is not asked when the stream brings records", async () => {
    streams([exampleRecord(1, 1)]);
    await vi.advanceTimersByTimeAsync(1500);
    expect(asked).toEqual([]);
  });

  test("a failure is shown, is not taken for an empty history, and is tried again with the connection", async () => {
    history = () => Promise.reject(new HistoryError("Down", []));
    await vi.advanceTimersByTimeAsync(1500);
    expect(view.snapshot()).toMatchObject({ nothingStored: false, error: { title: "Down" } });
    history = () => page(exampleRecords(1, 2));
    source.breaks();
    source.opens();
    await vi.advanceTimersByTimeAsync(0);
    expect(shown()).toBe("2 1");
    expect(view.snapshot().error).toBeNull();
  });
});

describe("older records", () => {
  test("are asked from the newest down under the filter, page by page, until new ones come", async () => {
    streams(exampleRecords(5, 6));
    view.setFilter({ levels: new Set(["info"]), text: "message" });
    history = ({ cursor }) => (cursor === "c" ? page(exampleRecords(1, 4)) : page(exampleRecords(5, 6), "c"));
    await view.loadOlder();
    const common = { level: "info", q: "message", limit: "500", order: "desc", end: "2026-01-01T00:00:06.000001Z" };
    expect(asked).toEqual([common, { ...common, cursor: "c" }]);
    expect(shown()).toBe("6 5 4 3 2 1");
    expect(view.snapshot()).toMatchObject({ older: "end", held: true });
  });

  test("go with the filter they were read under, and a late answer for it is not taken", async () => {
    streams([exampleRecord(9, 9)]);
    history = () => page(exampleRecords(5, 8), "c");
    await view.loadOlder();
    let late: (answer: HistoryPage) => void = () => {};
    history = () => new Promise((resolve) => (late = resolve));
    const loading = view.loadOlder();
    view.setFilter({ ...EVERYTHING, text: "message" });
    history = () => new Promise(() => {});
    void view.loadOlder();
    late(page(exampleRecords(1, 4)));
    await loading;
    expect(shown()).toBe("9");
    expect(view.snapshot()).toMatchObject({ older: "loading", error: null });
  });

  test("that arrive after the live ones moved on are not taken: there would be a hole between", async () => {
    streams(exampleRecords(101, 110));
    let late: (answer: HistoryPage) => void = () => {};
    history = () => new Promise((resolve) => (late = resolve));
    const loading = view.loadOlder();
    view.follow();
    streams(exampleRecords(111, 3000));
    late(page(exampleRecords(1, 100)));
    await loading;
    expect(shown().split(" ").at(-1)).toBe("1001");
    expect(view.snapshot()).toMatchObject({ size: 2000, older: "idle" });
  });

  test("one request at a time", async () => {
    await Promise.all([view.loadOlder(), view.loadOlder()]);
    expect(asked).toHaveLength(1);
  });
});

describe("a gap", () => {
  const gap = '{"from":"2026-01-01T00:00:02Z","to":"2026-01-01T00:00:08Z","reason":"expired"}';

  beforeEach(() => {
    streams([...exampleRecords(1, 2), ...exampleRecords(8, 9)]);
    source.sends("gap", gap);
    vi.advanceTimersByTime(100);
  });

  const noticeId = () => {
    const entry = view.snapshot().entries.find((one) => one.kind === "notice");
    return entry?.kind === "notice" ? entry.notice.id : "";
  };

  test("is an entry at its place", () => {
    expect(shown()).toBe("9 8 gap 2 1");
  });

  test("is filled from history, page by page, without a repeat", async () => {
    history = ({ cursor }) => (cursor === "c" ? page(exampleRecords(2, 4)) : page(exampleRecords(5, 8), "c"));
    await view.fill(noticeId());
    expect(shown()).toBe("9 8 7 6 5 gap 2 1");
    expect(view.snapshot().entries.find((entry) => entry.kind === "notice")).toMatchObject({
      notice: { filling: "partial", loaded: 3 },
    });
    await view.fill(noticeId());
    expect(shown()).toBe("9 gap 8 7 6 5 4 3 2 1");
    expect(asked.map(({ start, end, cursor }) => [start, end, cursor])).toEqual([
      ["2026-01-01T00:00:02.000000Z", "2026-01-01T00:00:08.000000Z", undefined],
      ["2026-01-01T00:00:02.000000Z", "2026-01-01T00:00:08.000000Z", "c"],
    ]);
    expect(view.snapshot().entries.find((entry) => entry.kind === "notice")).toMatchObject({
      notice: { filling: "filled", loaded: 5 },
    });
  });

  test("is read on until something new comes: its range reaches beyond it", async () => {
    history = ({ cursor }) => (cursor === "c" ? page(exampleRecords(3, 4), "d") : page(exampleRecords(8, 9), "c"));
    await view.fill(noticeId());
    expect(shown()).toBe("9 8 4 3 gap 2 1");
    expect(asked).toHaveLength(2);
  });

  test("that could not be filled is open again and the error is shown", async () => {
    history = () => Promise.reject(new HistoryError("Down", ["Try later"]));
    await view.fill(noticeId());
    expect(view.snapshot().error).toMatchObject({ title: "Down", details: ["Try later"] });
    expect(view.snapshot().entries.find((entry) => entry.kind === "notice")).toMatchObject({
      notice: { filling: "open" },
    });
  });
});
