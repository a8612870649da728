import { describe, expect, test } from "vitest";
import type { Notice } from "../src/records/notice";
import { type Entry, Timeline } from "../src/records/timeline";
import { exampleRecord, exampleRecords, sequencesOf } from "./example-records";

const SMALL = { live: 10, fetched: 10, notices: 3 };
const always = () => true;

function notice(id: string, from: number | null, to: number | null, fields: Partial<Notice> = {}): Notice {
  const time = (second: number | null) => (second === null ? null : exampleRecord(0, second).time);
  const ends = { from: time(from), to: time(to), since: time(from), until: time(to) };
  return { id, kind: "gap", ...ends, records: null, reason: "", filling: "open", loaded: 0, cursor: null, ...fields };
}

/** The list as text: sequences of records, ids of notices. */
const listOf = (entries: Entry[]) =>
  entries.map((entry) => (entry.kind === "record" ? entry.record.sequence : entry.notice.id)).join(" ");

const list = (timeline: Timeline) => listOf(timeline.entries(always));

describe("records of the stream", () => {
  test("are shown newest first, each once, whatever order they come in", () => {
    const timeline = new Timeline(SMALL);
    timeline.add([exampleRecord(2, 2), exampleRecord(3, 3), exampleRecord(2, 2)]);
    timeline.add([exampleRecord(1, 1), exampleRecord(3, 3)]);
    expect(list(timeline)).toBe("3 2 1");
  });

  test("a late one takes its place by time, not by arrival", () => {
    const timeline = new Timeline(SMALL);
    timeline.add([exampleRecord(1, 10), exampleRecord(2, 20)]);
    timeline.add([exampleRecord(3, 15)]);
    expect(list(timeline)).toBe("2 3 1");
  });

  test("are bounded: the oldest go", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(1, 25));
    expect(sequencesOf(timeline.records())).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16]);
  });

  test("only what matches is listed, but everything is held", () => {
    const timeline = new Timeline(SMALL);
    timeline.add([exampleRecord(1, 1, { level: "error" }), exampleRecord(2, 2)]);
    expect(listOf(timeline.entries((record) => record.level === "error"))).toBe("1");
    expect(timeline.size).toBe(2);
  });
});

describe("holding", () => {
  test("keeps the list and counts what waits", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(1, 3));
    timeline.hold();
    timeline.add(exampleRecords(3, 5));
    expect(list(timeline)).toBe("3 2 1");
    expect(sequencesOf(timeline.waiting.records)).toEqual([5, 4]);
    timeline.release();
    expect(list(timeline)).toBe("5 4 3 2 1");
  });

  test("when more waited than fit, the list starts anew instead of hiding a hole", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(1, 3));
    timeline.hold();
    timeline.add(exampleRecords(4, 30));
    expect(timeline.waiting.overflowed).toBe(true);
    timeline.release();
    expect(sequencesOf(timeline.records())).toEqual([30, 29, 28, 27, 26, 25, 24, 23, 22, 21]);
    expect(timeline.waiting).toEqual({ records: [], overflowed: false });
  });
});

describe("records of history", () => {
  test("adjoin the stream's without a repeat", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(5, 7));
    expect(timeline.addFetched(exampleRecords(3, 6))).toBe(2);
    expect(list(timeline)).toBe("7 6 5 4 3");
  });

  test("a record that history had before the stream brings it is listed once", () => {
    const timeline = new Timeline(SMALL);
    timeline.addFetched(exampleRecords(1, 3));
    timeline.add(exampleRecords(3, 4));
    expect(list(timeline)).toBe("4 3 2 1");
  });

  test("go when the stream's oldest go, because there would be a hole between them", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(11, 20));
    timeline.addFetched(exampleRecords(5, 10));
    const before = timeline.generation;
    timeline.add([exampleRecord(21, 21)]);
    expect(sequencesOf(timeline.records())).toEqual([21, 20, 19, 18, 17, 16, 15, 14, 13, 12]);
    expect(timeline.generation).not.toBe(before);
  });

  test("stay while the list is held", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(11, 20));
    timeline.hold();
    timeline.addFetched(exampleRecords(5, 10));
    timeline.add(exampleRecords(21, 25));
    expect(sequencesOf(timeline.records()).at(-1)).toBe(5);
  });
});

describe("notices", () => {
  test("stand between the records before and after their range", () => {
    const timeline = new Timeline(SMALL);
    timeline.add([...exampleRecords(1, 2), ...exampleRecords(8, 9)]);
    timeline.addNotice(notice("gap", 2, 8));
    expect(list(timeline)).toBe("9 8 gap 2 1");
  });

  test("stand where it happened, not where the range to read begins", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(1, 9));
    timeline.addNotice(notice("gap", 1, 9, { since: exampleRecord(0, 5).time, until: exampleRecord(0, 6).time }));
    expect(list(timeline)).toBe("9 8 7 6 gap 5 4 3 2 1");
  });

  test("that were filled stand above what was read into them", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(1, 9));
    timeline.addNotice(notice("gap", 3, 7));
    timeline.changeNotice("gap", { filling: "filled" });
    expect(list(timeline)).toBe("9 8 gap 7 6 5 4 3 2 1");
  });

  test("stand whether records match or not, and without any", () => {
    const timeline = new Timeline(SMALL);
    timeline.addNotice(notice("gap", 2, 8));
    expect(list(timeline)).toBe("gap");
    timeline.add(exampleRecords(1, 9));
    expect(listOf(timeline.entries(() => false))).toBe("gap");
  });

  test("without a known range stand at the end", () => {
    const timeline = new Timeline(SMALL);
    timeline.add(exampleRecords(1, 2));
    timeline.addNotice(notice("gap", null, null));
    expect(list(timeline)).toBe("2 1 gap");
  });

  test("are bounded", () => {
    const timeline = new Timeline(SMALL);
    for (let second = 1; second <= 9; second++) timeline.addNotice(notice(`n${second}`, second * 60, second * 60));
    expect(list(timeline)).toBe("n9 n8 n7");
  });

  test("go with the records below them", () => {
    const timeline = new Timeline(SMALL);
    timeline.addNotice(notice("gap", 1, 2));
    timeline.add(exampleRecords(2, 30));
    expect(list(timeline)).not.toContain("gap");
  });

  test("drops in a row are one", () => {
    const timeline = new Timeline(SMALL);
    timeline.addNotice(notice("a", 10, 12, { kind: "dropped", reason: "slow", records: 5 }));
    timeline.addNotice(notice("b", 11, 15, { kind: "dropped", reason: "slow", records: 7 }));
    timeline.addNotice(notice("c", 60, 61, { kind: "dropped", reason: "slow", records: 1 }));
    expect(list(timeline)).toBe("c a");
    expect(timeline.notice("a")).toMatchObject({
      records: 12,
      from: exampleRecord(0, 10).time,
      to: exampleRecord(0, 15).time,
    });
  });

  test("that were filled are open again when history is let go", () => {
    const timeline = new Timeline(SMALL);
    timeline.addNotice(notice("gap", 1, 5));
    timeline.changeNotice("gap", { filling: "filled", loaded: 3, cursor: null });
    timeline.clearFetched();
    expect(timeline.notice("gap")).toMatchObject({ filling: "open", loaded: 0 });
  });
});
