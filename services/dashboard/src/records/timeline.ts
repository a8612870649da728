/**
 * Everything the page holds: records from the stream, records read from history, and notices, in one order and within bounds.
 * It must know neither the network nor the screen.
 *
 * The stream's records lie without a hole from the newest down to the oldest one held. Whatever is read from history is read under
 * one filter and belongs below or between them; it goes as soon as that stops being true.
 */

import { type Notice, placeOf } from "./notice";
import type { LogRecord } from "./record";
import { merged, SortedRecords } from "./sorted-records";
import { microsOf } from "./time";

export type Entry =
  | { readonly kind: "record"; readonly record: LogRecord }
  | { readonly kind: "notice"; readonly notice: Notice };

export interface Capacity {
  /** Records of the stream. */
  readonly live: number;
  /** Records read from history. */
  readonly fetched: number;
  readonly notices: number;
}

export const CAPACITY: Capacity = { live: 2000, fetched: 10_000, notices: 100 };

/** Drops that follow each other this closely are one notice. */
const SAME_DROP_US = 2_000_000n;

export class Timeline {
  #capacity: Capacity;
  #live = new SortedRecords();
  #fetched = new SortedRecords();
  #waiting: SortedRecords | null = null;
  #waitingOverflowed = false;
  #notices: Notice[] = [];
  #generation = 0;

  constructor(capacity: Capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** Changes whenever the records read from history were let go, so that a cursor into it means nothing any more. */
  get generation(): number {
    return this.#generation;
  }

  get held(): boolean {
    return this.#waiting !== null;
  }

  /** Records that arrived while held. When older ones of them had to go, `overflowed` says that there were more. */
  get waiting(): { records: readonly LogRecord[]; overflowed: boolean } {
    return { records: this.#waiting?.records ?? [], overflowed: this.#waitingOverflowed };
  }

  /** Records in the list, shown or filtered out. */
  get size(): number {
    return this.#live.records.length + this.#fetched.records.length;
  }

  get full(): boolean {
    return this.#fetched.records.length >= this.#capacity.fetched;
  }

  get newest(): LogRecord | undefined {
    return merged(this.#live.records.slice(0, 1), this.#fetched.records.slice(0, 1))[0];
  }

  /** Takes records of the stream, in any order and with repeats. */
  add(records: readonly LogRecord[]): void {
    if (this.#waiting) {
      this.#waiting.add(records.filter((record) => !this.#live.has(record.sequence)));
      if (this.#waiting.trim(this.#capacity.live) > 0) this.#waitingOverflowed = true;
      return;
    }
    this.#live.add(records);
    this.#trimLive();
  }

  /** Takes records of history read under the current filter; returns how many were not held yet. */
  addFetched(records: readonly LogRecord[]): number {
    return this.#fetched.add(records.filter((record) => !this.#live.has(record.sequence)));
  }

  /** Keeps the list as it is: new records wait. */
  hold(): void {
    this.#waiting ??= new SortedRecords();
  }

  /** Lets the waiting records in. When more waited than fit, they replace the list, so that it never hides a hole. */
  release(): void {
    if (!this.#waiting) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (this.#waitingOverflowed) {
      this.#waitingOverflowed = false;
      this.#live = waiting;
      this.#forgetOlder();
    } else {
      this.#live.add(waiting.records);
      this.#trimLive();
    }
  }

  addNotice(notice: Notice): void {
    const last = this.#notices.at(-1);
    if (last && continues(last, notice)) this.#notices[this.#notices.length - 1] = joined(last, notice);
    else this.#notices.push(notice);
    this.#notices = this.#notices.slice(-this.#capacity.notices);
  }

  notice(id: string): Notice | undefined {
    return this.#notices.find((notice) => notice.id === id);
  }

  changeNotice(id: string, change: Partial<Notice>): void {
    this.#notices = this.#notices.map((notice) => (notice.id === id ? { ...notice, ...change } : notice));
  }

  /** Lets go of what was read from history; ranges that were filled are open again. */
  clearFetched(): void {
    this.#fetched = new SortedRecords();
    this.#generation += 1;
    this.#notices = this.#notices.map((notice) => ({ ...notice, filling: "open", loaded: 0, cursor: null }));
  }

  /** All records, newest first. */
  records(): LogRecord[] {
    const older = this.#fetched.records.filter((record) => !this.#live.has(record.sequence));
    return merged(this.#live.records, older);
  }

  /** The list, newest first: the records that match, and every notice at its place. */
  entries(matches: (record: LogRecord) => boolean): Entry[] {
    const notices = [...this.#notices].sort((a, b) => (placeOf(a) > placeOf(b) ? -1 : 1));
    const entries: Entry[] = [];
    let next = 0;
    for (const record of this.records()) {
      for (let notice = notices[next]; notice && placeOf(notice) >= record.time; notice = notices[++next]) {
        entries.push({ kind: "notice", notice });
      }
      if (matches(record)) entries.push({ kind: "record", record });
    }
    return entries.concat(notices.slice(next).map((notice) => ({ kind: "notice", notice })));
  }

  #trimLive(): void {
    if (this.#live.trim(this.#capacity.live) > 0) this.#forgetOlder();
  }

  /** What lies below the oldest record of the stream no longer adjoins it. */
  #forgetOlder(): void {
    const oldest = this.#live.records.at(-1);
    if (oldest) this.#notices = this.#notices.filter((notice) => placeOf(notice) >= oldest.time);
    this.clearFetched();
  }
}

function continues(last: Notice, next: Notice): boolean {
  if (last.kind !== "dropped" || next.kind !== "dropped" || last.filling !== "open" || last.reason !== next.reason)
    return false;
  const [end, start] = [microsOf(last.until ?? ""), microsOf(next.since ?? "")];
  return end !== null && start !== null && start - end <= SAME_DROP_US;
}

function joined(last: Notice, next: Notice): Notice {
  return {
    ...last,
    records: last.records === null || next.records === null ? null : last.records + next.records,
    from: earlier(last.from, next.from),
    to: later(last.to, next.to),
    since: earlier(last.since, next.since),
    until: later(last.until, next.until),
  };
}

/** An end that is not known stays so: null is the widest. */
function earlier(a: string | null, b: string | null): string | null {
  return a === null || b === null ? null : a < b ? a : b;
}

function later(a: string | null, b: string | null): string | null {
  return a === null || b === null ? null : a > b ? a : b;
}
