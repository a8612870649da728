import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ServerError } from "../src/history/request";
import { LogView } from "../src/log-view/log-view";
import { EVERYTHING } from "../src/records/filter";
import { FIRST_VIEW, type View } from "../src/records/view";
import { ExampleHistory, UNREACHABLE } from "./example-history";
import { exampleRecord, exampleRecords, sequencesOf } from "./example-records";

let history: ExampleHistory;
let view: LogView;
let watched: (string | null)[];
let counted: string[];

beforeEach(() => {
  vi.useFakeTimers();
  history = new ExampleHistory();
  watched = [];
  counted = [];
  view = new LogView(history.read, { addCounts: (data) => counted.push(data) });
});

afterEach(() => {
  vi.useRealTimers();
});

const begin = (first: View = FIRST_VIEW) =>
  view.begin({ watch: (query) => watched.push(query), retryNow: () => watched.push("now") }, first);
const logs = (first: number, last: number, id: string) =>
  view.onEvent("logs", JSON.stringify(exampleRecords(first, last)), id);
const shown = () => sequencesOf(view.snapshot().entries.records);
const soon = (ms = 150) => vi.advanceTimersByTimeAsync(ms);
const drop = (second: number) => {
  const [from, to] = [exampleRecord(0, second).time, exampleRecord(0, second + 1).time];
  view.onEvent("dropped", JSON.stringify({ records: 5, reason: "rate", from, to }), "");
};
const notices = () => {
  const { entries } = view.snapshot();
  return Array.from({ length: entries.size }, (_, index) => entries.at(index)).filter(
    (entry) => entry?.kind === "notice",
  );
};

async function live(): Promise<void> {
  begin();
  view.onState("live");
  view.onLive(false);
  await soon();
}

test("history is read once the stream is live, so that nothing lies between", async () => {
  history.stored.push(...exampleRecords(1, 3));
  begin();
  await soon(500);
  expect(history.requests).toEqual([]);
  view.onState("live");
  view.onLive(false);
  logs(3, 5, "e:1");
  await soon();
  expect(shown()).toEqual([5, 4, 3, 2, 1]);
  expect(view.snapshot().live).toBe("live");
});

test("without a stream history is read all the same, and again once there is one", async () => {
  history.stored.push(...exampleRecords(1, 3));
  begin();
  await soon(2000);
  expect(shown()).toEqual([3, 2, 1]);
  history.stored.push(...exampleRecords(4, 6));
  view.onLive(false);
  await soon();
  expect(shown()).toEqual([6, 5, 4, 3, 2, 1]);
});

test("a window that has to wait for its stream shows history at once", async () => {
  history.stored.push(...exampleRecords(1, 3));
  begin();
  view.onState("crowded");
  await soon();
  expect(shown()).toEqual([3, 2, 1]);
  view.onState("crowded");
  await soon();
  expect(history.requests).toHaveLength(1);
});

test("a stream that goes on has what was missed; one that began anew has the list read again", async () => {
  history.stored.push(...exampleRecords(1, 3));
  await live();
  const before = history.requests.length;
  view.onState("lost");
  view.onLive(true);
  await soon();
  expect(history.requests).toHaveLength(before);
  history.stored.push(...exampleRecords(4, 5));
  view.onLive(false);
  logs(6, 6, "f:1");
  await soon();
  expect(shown()).toEqual([6, 5, 4, 3, 2, 1]);
  expect(notices()).toEqual([]);
});

test("who reads while the stream begins anew keeps their record, and sees the gap, which can be filled", async () => {
  vi.setSystemTime(new Date(exampleRecord(0, 3).time));
  history.stored.push(...exampleRecords(1, 3));
  await live();
  view.setScrolledAway(true);
  vi.setSystemTime(new Date(exampleRecord(0, 20).time));
  history.stored.push(...exampleRecords(10, 12));
  view.onLive(false);
  await soon();
  expect(shown()).toEqual([3, 2, 1]);
  const [gap] = notices();
  expect(gap).toMatchObject({ kind: "notice", notice: { kind: "gap", reason: "hidden" } });
  await view.fill(gap?.kind === "notice" ? gap.notice.id : "");
  expect(shown()).toEqual([12, 11, 10, 3, 2, 1]);
});

test("a mouse that only moves over the list keeps nothing: the list is read again", async () => {
  history.stored.push(...exampleRecords(1, 3));
  await live();
  view.setTouching(true);
  history.stored.push(...exampleRecords(4, 5));
  view.onLive(false);
  await soon();
  expect(shown()).toEqual([5, 4, 3, 2, 1]);
  expect(notices()).toEqual([]);
});

test("another filter is another list and another stream", async () => {
  history.stored.push(exampleRecord(1, 1));
  await live();
  const { generation } = view.snapshot();
  view.setView({ ...FIRST_VIEW, filter: { ...EVERYTHING, levels: ["error"], text: "a b" } });
  expect(view.snapshot().entries.size).toBe(0);
  expect(watched).toEqual(["", "level=error&q=a+b"]);
  view.onLive(false);
  await soon();
  expect(history.requests.at(-1)).toBe("level=error&q=a+b&limit=200");
  expect(view.snapshot().generation).toBeGreaterThan(generation);
});

test("an answer to an earlier filter is not shown", async () => {
  history.stored.push(exampleRecord(1, 1));
  begin();
  history.hold();
  view.onLive(false);
  view.setView({ ...FIRST_VIEW, filter: { ...EVERYTHING, text: "x" } });
  expect(history.signals.map(({ aborted }) => aborted)).toEqual([true]);
  history.letGo();
  await soon();
  expect(shown()).toEqual([]);
});

test("opening a record changes neither list nor stream", async () => {
  await live();
  const { generation } = view.snapshot();
  view.setView({ ...FIRST_VIEW, record: "5" });
  expect(view.snapshot()).toMatchObject({ generation, view: { record: "5" } });
  expect(watched).toEqual([""]);
});

test("a range with an end is history alone", async () => {
  history.stored.push(...exampleRecords(1, 5));
  const range = { start: exampleRecord(0, 2).time, end: exampleRecord(0, 4).time };
  begin({ ...FIRST_VIEW, range });
  await soon();
  expect(watched).toEqual([null]);
  expect(shown()).toEqual([3, 2]);
});

test("a range with a start takes no live record from before it", async () => {
  begin({ ...FIRST_VIEW, range: { start: exampleRecord(0, 10).time, end: "" } });
  view.onLive(false);
  logs(9, 11, "e:1");
  await soon();
  expect(shown()).toEqual([11, 10]);
});

test("paused, scrolled away or selecting, the list stays; following again it has everything", async () => {
  await live();
  logs(1, 1, "e:1");
  await soon();
  for (const hold of [
    (on: boolean) => view.setPaused(on),
    (on: boolean) => view.setScrolledAway(on),
    (on: boolean) => view.setSelecting(on),
  ]) {
    const before = shown();
    const next = (before[0] ?? 0) + 1;
    hold(true);
    logs(next, next, `e:${next}`);
    await soon();
    expect(shown()).toEqual(before);
    expect(view.snapshot()).toMatchObject({ held: true, waiting: 1 });
    hold(false);
    expect(shown()).toEqual([next, ...before]);
    expect(view.snapshot()).toMatchObject({ held: false, waiting: 0 });
  }
});

test("while the mouse moves over it the list rests, without a word about it", async () => {
  await live();
  logs(1, 1, "e:1");
  await soon();
  view.setTouching(true);
  logs(2, 2, "e:2");
  await soon();
  expect(shown()).toEqual([1]);
  expect(view.snapshot()).toMatchObject({ held: false, paused: false });
  view.setTouching(false);
  expect(shown()).toEqual([2, 1]);
});

test("a range that begins so long ago moves on with the time", async () => {
  vi.setSystemTime(new Date(exampleRecord(0, 100).time));
  begin({ ...FIRST_VIEW, range: { start: "-60s", end: "" } });
  view.onLive(false);
  logs(30, 80, "e:1");
  await soon();
  expect(shown().at(-1)).toBe(40);
  await soon(20_000);
  // Every five seconds.
  expect(shown().at(-1)).toBe(60);
  view.setPaused(true);
  await soon(20_000);
  expect(shown().at(-1)).toBe(60);
});

test("two reasons to stay: it follows when both are gone", async () => {
  await live();
  view.setPaused(true);
  view.setScrolledAway(true);
  view.setPaused(false);
  expect(view.snapshot().held).toBe(true);
  view.follow();
  expect(view.snapshot()).toMatchObject({ held: false, paused: false });
});

test("after a pause in which more came than wait, the list is read anew from the newest", async () => {
  await live();
  logs(1, 1, "e:1");
  view.setPaused(true);
  for (let from = 2; from < 24_000; from += 1000) logs(from, from + 999, `e:${from}`);
  await soon();
  expect(view.snapshot().waiting).toBe(24_000);
  history.stored.push(...exampleRecords(1, 24_001));
  view.follow();
  await soon();
  expect(shown()[0]).toBe(24_001);
  expect(shown()).toHaveLength(200);
  logs(24_002, 24_002, "e:x");
  await soon();
  expect(shown()[0]).toBe(24_002);
});

test("drops are reported once an id confirms them; those after the last id are sent again, and are forgotten", async () => {
  await live();
  logs(1, 1, "e:1");
  drop(2);
  await soon();
  expect(notices()).toHaveLength(0);
  logs(3, 3, "e:2");
  await soon();
  expect(notices()).toHaveLength(1);
  drop(60);
  view.onState("lost");
  logs(61, 61, "e:3");
  await soon();
  expect(notices()).toHaveLength(1);
});

test("an error is told and can be tried again", async () => {
  history.stored.push(exampleRecord(1, 1));
  history.error = UNREACHABLE;
  await live();
  logs(2, 2, "e:1");
  await soon();
  expect(view.snapshot().error).toBe(UNREACHABLE);
  expect(shown()).toEqual([2]);
  history.error = null;
  history.stored.push(exampleRecord(2, 2));
  await view.retryRead();
  expect(view.snapshot().error).toBeNull();
  expect(shown()).toEqual([2, 1]);
});

test("what may pass is asked again by itself, what is wrong with the question is not", async () => {
  history.stored.push(exampleRecord(1, 1));
  history.error = UNREACHABLE;
  await live();
  expect(view.snapshot().error).toBe(UNREACHABLE);
  history.error = null;
  await soon(6000);
  expect(view.snapshot().error).toBeNull();
  expect(shown()).toEqual([1]);

  history.error = new ServerError("refused", "/api/logs", { status: 400 });
  view.setView({ ...FIRST_VIEW, filter: { ...EVERYTHING, text: "x" } });
  view.onLive(false);
  await soon();
  const before = history.requests.length;
  await soon(60_000);
  expect(history.requests).toHaveLength(before);
});

test("what is asked again is what failed", async () => {
  history.stored.push(...exampleRecords(1, 600));
  await live();
  expect(shown()).toHaveLength(200);
  view.onEvent("gap", JSON.stringify({ from: null, to: null, received_to: exampleRecord(0, 550).time }), "");
  await soon();
  const [gap] = notices();
  const id = gap?.kind === "notice" ? gap.notice.id : "";
  history.error = UNREACHABLE;
  await view.fill(id);
  expect(view.snapshot().error).toBe(UNREACHABLE);
  history.error = null;
  await soon(6000);
  expect(view.snapshot().error).toBeNull();
  expect(notices()[0]).toMatchObject({ notice: { filling: "filled" } });
  expect(shown()).toHaveLength(200);
});

test("the stream can be told to connect now", () => {
  begin();
  view.retryStream();
  expect(watched.at(-1)).toBe("now");
});

test("only an installation without any log is told how to send one", async () => {
  await live();
  expect(view.snapshot().nothingStored).toBe(true);
  logs(1, 1, "e:1");
  await soon();
  expect(view.snapshot().nothingStored).toBe(false);
  view.setView({ ...FIRST_VIEW, filter: { ...EVERYTHING, text: "x" } });
  view.onLive(false);
  await soon();
  expect(view.snapshot().nothingStored).toBe(false);
});

test("counts go to who counts, what can't be read is counted, and what the servers do is told", async () => {
  await live();
  view.onEvent("counts", "{}", "e:1");
  view.onEvent("logs", "no json", "e:1");
  view.onEvent("logs", JSON.stringify([exampleRecord(1, 1), { sequence: 1 }]), "e:2");
  view.onEvent("status", '{"broker":"down","recent":"up"}', "");
  await soon();
  expect(counted).toEqual(["{}"]);
  expect(view.snapshot()).toMatchObject({ unreadable: 2, server: { broker: "down", recent: "up" } });
});
