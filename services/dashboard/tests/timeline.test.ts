import { beforeEach, expect, test } from "vitest";
import { ownGap, readEvent } from "../src/live/framing";
import type { Notice } from "../src/records/notice";
import { BOTTOM } from "../src/records/order";
import { type Capacity, Timeline } from "../src/records/timeline";
import { exampleRecord, exampleRecords, sequencesOf } from "./example-records";

const CAPACITY: Capacity = { records: 20, following: 10, waiting: 5, notices: 3 };
let timeline: Timeline;

beforeEach(() => {
  timeline = new Timeline(CAPACITY);
});

const held = () => sequencesOf(timeline.records);
const at = (second: number) => exampleRecord(second, second);
const down = (first: number, last: number) => Array.from({ length: first - last + 1 }, (_, index) => first - index);

function dropped(second: number, records = 1, reason = "slow"): Notice {
  const [from, to] = [at(second).time, at(second + 1).time];
  const event = readEvent("dropped", JSON.stringify({ records, reason, from, to }));
  if (event?.kind !== "notice") throw new Error("no notice");
  return event.notice;
}

test("records are held newest first, each once, in whatever order they come", () => {
  timeline.add([at(2), at(1)]);
  timeline.add([at(3), at(2), exampleRecord(10, 2), exampleRecord(9, 2)]);
  expect(held()).toEqual([3, 10, 9, 2, 1]);
  expect(timeline.addFetched([at(3), at(0)])).toBe(1);
  expect(held()).toEqual([3, 10, 9, 2, 1, 0]);
});

test("a live record below what history was read down to is left for history", () => {
  timeline.add(exampleRecords(5, 8));
  timeline.addFetched(exampleRecords(3, 5));
  timeline.setFloor(at(3));
  timeline.add([at(1), exampleRecord(20, 4), exampleRecord(2, 3), exampleRecord(21, 3)]);
  expect(held()).toEqual([8, 7, 6, 5, 20, 4, 21, 3]);
});

test("what is held below a floor that comes later goes, and comes again by history", () => {
  timeline.add([at(1), at(5)]);
  timeline.setFloor(at(3));
  expect(held()).toEqual([5]);
  expect(timeline.addFetched([at(1)])).toBe(1);
  timeline.setFloor(BOTTOM);
  timeline.add([at(0)]);
  expect(held()).toEqual([5, 1, 0]);
});

test("following, the oldest go past the capacity, and the floor rises with them", () => {
  timeline.setFloor(BOTTOM);
  timeline.add(exampleRecords(1, 12));
  expect(held()).toEqual(down(12, 3));
  expect(timeline.floor).toEqual({ time: at(3).time, sequence: "3" });
  timeline.add([at(2)]);
  expect(held()).toEqual(down(12, 3));
});

test("before history was read, letting go of records says nothing of what was stored before", () => {
  timeline.add(exampleRecords(1, 12));
  expect(held()).toEqual(down(12, 3));
  expect(timeline.floor).toBeNull();
});

test("held, newer records wait and are counted once each, then are inserted", () => {
  timeline.add(exampleRecords(1, 3));
  timeline.hold({ newest: at(3), oldest: at(1) });
  timeline.add([at(4), at(4), at(2)]);
  timeline.add([at(5), at(4)]);
  expect(held()).toEqual([3, 2, 1]);
  expect(timeline.waiting).toBe(2);
  expect(timeline.release()).toBe(true);
  expect(held()).toEqual([5, 4, 3, 2, 1]);
  expect(timeline.waiting).toBe(0);
});

test("held, a late record is inserted off the screen, and waits where it would move the screen", () => {
  timeline.add([at(1), at(3), at(5), at(7), at(9)]);
  timeline.hold({ newest: at(7), oldest: at(3) });
  timeline.add([at(8), at(6), at(2)]);
  expect(held()).toEqual([9, 8, 7, 5, 3, 2, 1]);
  // One waits, one is above what is seen.
  expect(timeline.waiting).toBe(2);
  timeline.hold({ newest: at(3), oldest: at(1) });
  expect(held()).toEqual([9, 8, 7, 6, 5, 3, 2, 1]);
  expect(timeline.waiting).toBe(2);
  timeline.release();
  expect(timeline.waiting).toBe(0);
});

test("held, of the late records that wait, only those go on waiting that belong on the screen", () => {
  timeline.add([at(1), at(3), at(5), at(7), at(9)]);
  timeline.hold({ newest: at(7), oldest: at(3) });
  timeline.add([at(10), at(6), at(4)]);
  timeline.hold({ newest: at(5), oldest: at(1) });
  expect(held()).toEqual([9, 7, 6, 5, 3, 1]);
  timeline.release();
  expect(held()).toEqual([10, 9, 7, 6, 5, 4, 3, 1]);
});

test("below a record of the future, new ones are counted though they are inserted", () => {
  timeline.add([at(1), at(2), at(3), at(500)]);
  timeline.hold({ newest: at(2), oldest: at(1) });
  timeline.add([at(4), at(5)]);
  expect(held()).toEqual([500, 5, 4, 3, 2, 1]);
  expect(timeline.waiting).toBe(2);
});

test("a start that moves on lets go of what lies before it", () => {
  timeline.setFloor(BOTTOM);
  timeline.add(exampleRecords(1, 6));
  timeline.addNotice(dropped(2));
  timeline.dropBefore(at(4).time);
  expect(held()).toEqual([6, 5, 4]);
  expect(timeline.notices).toEqual([]);
  expect(timeline.floor).toEqual(BOTTOM);
});

test("when more wait than fit, they are counted only, and the list has to be read anew", () => {
  timeline.add([at(1)]);
  timeline.hold(null);
  timeline.add(exampleRecords(2, 7));
  timeline.add([at(8)]);
  expect(timeline.detached).toBe(true);
  expect(timeline.waiting).toBe(7);
  expect(timeline.release()).toBe(false);
  expect(held()).toEqual([1]);
});

test("reading far down lets the newest go; reading up again joins the list to now", () => {
  timeline.add(exampleRecords(31, 40));
  timeline.setFloor(at(31));
  timeline.hold({ newest: at(35), oldest: at(31) });
  timeline.addFetched(exampleRecords(16, 30));
  timeline.trimAbove();
  expect(held()).toEqual(down(35, 16));
  expect(timeline.detached).toBe(true);
  expect(timeline.waiting).toBe(5);

  timeline.beginAttaching();
  timeline.add([at(41), at(38)]);
  timeline.addFetched(exampleRecords(35, 40));
  timeline.trimBelow();
  timeline.endAttaching(true);
  expect(timeline.detached).toBe(false);
  expect(timeline.waiting).toBe(1);
  expect(held()).toEqual(down(40, 21));
  expect(timeline.floor).toEqual({ time: at(21).time, sequence: "21" });
  timeline.release();
  expect(held()).toEqual(down(41, 32));
});

test("reading up to less than now leaves the list apart", () => {
  timeline.add(exampleRecords(1, 3));
  timeline.hold(null);
  timeline.add(exampleRecords(4, 20));
  timeline.beginAttaching();
  timeline.addNewer(exampleRecords(4, 6));
  timeline.endAttaching(false);
  expect(timeline.detached).toBe(true);
  expect(timeline.waiting).toBe(14);
  expect(timeline.release()).toBe(false);
});

test("drops that follow each other are one notice, of one reason", () => {
  for (const second of [1, 2, 3]) timeline.addNotice(dropped(second, 5));
  timeline.addNotice(dropped(4, 5, "rate"));
  timeline.addNotice(dropped(60, 5, "rate"));
  expect(timeline.notices.map(({ records, reason }) => [records, reason])).toEqual([
    [15, "slow"],
    [5, "rate"],
    [5, "rate"],
  ]);
  expect(timeline.notices[0]).toMatchObject({ from: at(1).time, to: at(4).time });
});

test("notices are bounded, and go with the records they stand among", () => {
  for (const second of [10, 20, 30, 40]) timeline.addNotice(dropped(second));
  expect(timeline.notices).toHaveLength(CAPACITY.notices);
  timeline.add(exampleRecords(25, 36));
  expect(timeline.notices.map(({ since }) => since)).toEqual([at(30).time, at(40).time]);
});

test("the list is the same object until something changes", () => {
  timeline.add([at(1)]);
  const { entries } = timeline;
  timeline.add([at(1)]);
  expect(timeline.entries).toBe(entries);
  timeline.addNotice(ownGap({ from: null, to: null, since: null, until: null }, ""));
  expect(timeline.entries).not.toBe(entries);
  expect(timeline.entries.size).toBe(2);
});

/** A random life of a list: nothing that history and stream tell of is missing or doubled from the floor up. */
test.each([1, 2, 3, 4, 5, 6, 7, 8])("no hole and no repeat, whatever happens in between (seed %i)", (seed) => {
  const random = randomFrom(seed);
  const stored: ReturnType<typeof at>[] = [];
  let sequence = 0;
  const store = () => {
    // Most records are of now, some late, some very late.
    const late = random() < 0.3 ? Math.floor(random() * 40) : 0;
    const record = exampleRecord(++sequence, Math.max(1000 + sequence - late, 0));
    stored.push(record);
    return record;
  };
  for (let count = 0; count < 30; count += 1) store();
  for (let step = 0; step < 400; step += 1) {
    const dice = random();
    if (dice < 0.6) timeline.add([store()]);
    else if (dice < 0.75) {
      // A page of history below the floor.
      const { floor } = timeline;
      const below = stored
        .filter((record) => floor === null || before(record, floor))
        .sort((a, b) => (before(a, b) ? 1 : -1))
        .slice(0, 7);
      timeline.addFetched(below);
      timeline.setFloor(below.length < 7 ? BOTTOM : (below.at(-1) ?? BOTTOM));
      timeline.trimAbove();
    } else if (dice < 0.85) timeline.hold(timeline.size > 4 ? shownOf(timeline, Math.floor(random() * 3)) : null);
    else if (!timeline.release()) timeline = new Timeline(CAPACITY);
    const { floor, newest } = timeline;
    if (floor === null || newest === undefined || timeline.waiting > 0) continue;
    const expected = stored.filter((record) => !before(record, floor)).map((record) => record.sequence);
    expect(new Set(timeline.records.map((record) => record.sequence))).toEqual(new Set(expected));
    expect(timeline.size).toBe(expected.length);
  }
});

function shownOf(shown: Timeline, from: number) {
  const [newest, oldest] = [shown.records[from], shown.records[from + 2]];
  return newest && oldest ? { newest, oldest } : null;
}

function before(a: { time: string; sequence: string }, b: { time: string; sequence: string }): boolean {
  return a.time === b.time ? Number(a.sequence) < Number(b.sequence) : a.time < b.time;
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}
