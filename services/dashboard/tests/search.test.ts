import { beforeEach, expect, test } from "vitest";
import { Search } from "../src/history/search";
import { ownGap } from "../src/live/framing";
import { ALL_TIME, EVERYTHING } from "../src/records/filter";
import { BOTTOM } from "../src/records/order";
import { Timeline } from "../src/records/timeline";
import { ExampleHistory, UNREACHABLE } from "./example-history";
import { exampleRecord, exampleRecords, sequencesOf } from "./example-records";

let history: ExampleHistory;
let timeline: Timeline;
let search: Search;
let changes: string[];

beforeEach(() => {
  history = new ExampleHistory();
  history.stored.push(...exampleRecords(1, 3000));
  timeline = new Timeline({ records: 2000, following: 1500, waiting: 100, notices: 10 });
  changes = [];
  search = new Search({
    timeline,
    readPage: history.read,
    filter: { ...EVERYTHING, text: "word" },
    range: ALL_TIME,
    onChange: () => changes.push(search.progress.state),
  });
});

const held = () => sequencesOf(timeline.records);
const from = (newest: number, oldest: number) =>
  Array.from({ length: newest - oldest + 1 }, (_, index) => newest - index);

test("reads a screen first, then more, with the filter, without a seam or a repeat", async () => {
  await search.readOlder();
  expect(held()).toEqual(from(3000, 2801));
  await search.readOlder(500);
  expect(held()).toEqual(from(3000, 1801));
  expect(history.requests[0]).toBe("q=word&limit=200");
  expect(history.requests[1]).toContain("q=word&limit=1000&cursor=");
  expect(search.progress).toMatchObject({ state: "idle", found: 1200 });
});

test("a record that was live already counts once", async () => {
  timeline.add(exampleRecords(2990, 3000));
  await search.readOlder();
  expect(held()).toEqual(from(3000, 2801));
  expect(search.progress.found).toBe(189);
});

test("at the end it says so, and live records of any age are inserted", async () => {
  history.stored.splice(5);
  await search.readOlder();
  expect(search.progress.state).toBe("end");
  expect(timeline.floor).toEqual(BOTTOM);
  timeline.add([exampleRecord(9, 0)]);
  expect(held()).toEqual([5, 4, 3, 2, 1, 9]);
});

test("partial answers are asked on until something is found, and each moves the progress on", async () => {
  history.emptyPages = 3;
  await search.readOlder();
  expect(history.requests).toHaveLength(4);
  expect(held()).toHaveLength(1000);
  expect(changes.filter((state) => state === "reading").length).toBeGreaterThanOrEqual(4);
});

test("stopped, it keeps what it has, and goes on from there", async () => {
  history.emptyPages = 1;
  await search.readOlder(1);
  history.hold();
  const reading = search.readOlder();
  search.stop();
  history.letGo();
  await reading;
  expect(search.progress.state).toBe("stopped");
  const before = held().length;
  await search.readOlder(1);
  expect(held().length).toBe(before + 1000);
});

test("an error stops it, leaves what was read, and a further try goes on", async () => {
  await search.readOlder();
  history.error = UNREACHABLE;
  await expect(search.readOlder()).rejects.toBe(UNREACHABLE);
  expect(search.progress.state).toBe("stopped");
  history.error = null;
  await search.readOlder();
  expect(held()).toEqual(from(3000, 1801));
});

test("when the oldest had to go, the walk begins again below what is held", async () => {
  await search.readOlder();
  await search.readOlder();
  timeline.add(exampleRecords(3001, 3600));
  expect(held()).toEqual(from(3600, 2101));
  history.stored.push(...exampleRecords(3001, 3600));
  timeline.hold(null);
  await search.readOlder(100);
  expect(held()).toEqual(from(3101, 1102));
  expect(history.requests.at(-1)).toContain("end=");
});

test("a page that no longer adjoins, because the oldest went while it was read, is not taken", async () => {
  await search.readOlder();
  history.hold();
  const reading = search.readOlder(100);
  timeline.add(exampleRecords(3001, 4450));
  timeline.hold(null);
  history.stored.push(...exampleRecords(3001, 4450));
  history.letGo();
  await reading;
  expect(held()).toEqual(from(3951, 1952));
});

test("reads up again to now, with what came live meanwhile waiting", async () => {
  timeline.hold(null);
  for (let page = 0; page < 4; page += 1) await search.readOlder();
  expect(held()).toEqual(from(2000, 1));
  expect(timeline.detached).toBe(true);
  await search.readNewer();
  expect(timeline.detached).toBe(true);
  history.hold();
  const reading = search.readNewer();
  history.stored.push(exampleRecord(3001, 3001), exampleRecord(3002, 3002));
  timeline.add([exampleRecord(3001, 3001)]);
  history.letGo();
  await reading;
  expect(timeline.detached).toBe(false);
  timeline.add([exampleRecord(3002, 3002)]);
  timeline.release();
  expect(held().slice(0, 1500)).toEqual(from(3002, 1503));
});

test("a gap is filled from its range, in parts", async () => {
  await search.readOlder();
  const gap = ownGap(
    { from: exampleRecord(0, 2900).time, to: exampleRecord(0, 2951).time, since: null, until: null },
    "",
  );
  timeline.addNotice(gap);
  history.pageSize = 30;
  await search.fill(gap);
  expect(timeline.notice(gap.id)).toMatchObject({ filling: "partial", loaded: 0 });
  await search.fill(timeline.notice(gap.id) ?? gap);
  expect(timeline.notice(gap.id)).toMatchObject({ filling: "filled" });
});

test("filling takes nothing below what history was read down to: that belongs to the walk", async () => {
  await search.readOlder();
  const gap = ownGap(
    { from: exampleRecord(0, 2700).time, to: exampleRecord(0, 2901).time, since: null, until: null },
    "",
  );
  timeline.addNotice(gap);
  await search.fill(gap);
  expect(held()).toEqual(from(3000, 2801));
  expect(timeline.notice(gap.id)?.filling).toBe("filled");
});

test("a fill that fails leaves the gap open", async () => {
  await search.readOlder();
  const gap = ownGap({ from: null, to: null, since: null, until: null }, "");
  timeline.addNotice(gap);
  history.error = UNREACHABLE;
  await expect(search.fill(gap)).rejects.toBe(UNREACHABLE);
  expect(timeline.notice(gap.id)?.filling).toBe("open");
});
