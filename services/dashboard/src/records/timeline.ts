/**
 * The records of a view, from the stream and from history, in one order, with the notices; within bounds. It must know neither the
 * network nor the screen.
 *
 * Every stored record from the `floor` up to the newest is held, except for those that a notice reports missing. The stream sends
 * every record stored since it went live. History is read after that and has every record stored before. So a live record at or
 * above the floor is inserted, and one below it is left for history to bring: nothing is missing between the two, and nothing
 * appears twice, because a sequence is held once.
 */

import { Entries } from "./entries";
import { type Notice, sortTimeOf } from "./notice";
import { compare, newerThan, type SortKey } from "./order";
import type { LogRecord } from "./record";
import { SortedRecords } from "./sorted-records";
import { microsOf } from "./time";

export interface Capacity {
  /** Records held at most, not counting those that wait. */
  readonly records: number;
  /** Records held while the list follows the newest: what a reader can scroll to at once. */
  readonly following: number;
  /** Records that wait while the list is held. */
  readonly waiting: number;
  readonly notices: number;
}

export const CAPACITY: Capacity = { records: 100_000, following: 20_000, waiting: 20_000, notices: 100 };

/** The part of the list that is on the screen; null when nothing is. */
export interface Shown {
  readonly newest: SortKey;
  readonly oldest: SortKey;
}

/** Drops that follow each other this closely are merged into a notice. */
const SAME_DROP_US = 2_000_000n;

export class Timeline {
  #capacity: Capacity;
  #held = new SortedRecords();
  /** Null until the first page of history was read: until then every live record is inserted. */
  #floor: SortKey | null = null;
  #waiting: SortedRecords | null = null;
  #waitingCount = 0;
  /** Records inserted above the screen since the list was held: newer than the screen, older than the newest. */
  #newAbove = 0;
  /** Newer records are stored than those held or waiting here. */
  #detached = false;
  #shown: Shown | null = null;
  #notices: Notice[] = [];
  #entries: Entries | null = null;

  constructor(capacity: Capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  get records(): readonly LogRecord[] {
    return this.#held.records;
  }

  get size(): number {
    return this.#held.size;
  }

  get floor(): SortKey | null {
    return this.#floor;
  }

  /** True while new records wait. */
  get held(): boolean {
    return this.#waiting !== null;
  }

  /** How many records are newer than the list, or wait to be inserted. */
  get waiting(): number {
    return this.#waitingCount + this.#newAbove;
  }

  /** True when records newer than the list must be read from history. */
  get detached(): boolean {
    return this.#detached;
  }

  get newest(): LogRecord | undefined {
    return this.#held.newest;
  }

  /** The list as it is now; the same object until something changes. */
  get entries(): Entries {
    this.#entries ??= new Entries(this.#held.records, this.#notices);
    return this.#entries;
  }

  /** Adds records of the stream, in any order and with repeats. */
  add(records: readonly LogRecord[]): void {
    const floor = this.#floor;
    const above = floor === null ? records : records.filter((record) => compare(record, floor) >= 0);
    if (this.#waiting === null) {
      this.#insert(above);
      this.#trimFollowing();
      return;
    }
    const outOfView: LogRecord[] = [];
    const later: LogRecord[] = [];
    for (const record of above) {
      if (this.#held.has(record.sequence)) continue;
      (this.#belongsElsewhere(record) ? outOfView : later).push(record);
    }
    this.#insertOutOfView(outOfView);
    // A detached list only counts new records.
    this.#waitingCount += this.#detached ? later.length : this.#waiting.add(later);
    if (this.#waiting.size > this.#capacity.waiting) this.#detach();
  }

  /** Adds records of history and returns how many were not held yet. */
  addFetched(records: readonly LogRecord[]): number {
    return this.#insert(records);
  }

  /** Adds records of history that are newer than the list and were counted as waiting. */
  addNewer(records: readonly LogRecord[]): void {
    this.#waitingCount = Math.max(this.#waitingCount - this.#insert(records), 0);
  }

  /** History has been read down to this key. Records held below it are dropped: they come again when more history is read. */
  setFloor(floor: SortKey): void {
    this.#floor = floor;
    this.#held.cutBelow(floor);
    this.#entries = null;
    if (this.#waiting === null) return;
    const waiting = this.#waiting.size;
    this.#waiting.cutBelow(floor);
    this.#waitingCount -= waiting - this.#waiting.size;
  }

  /** Drops records and notices older than a time, for a range whose start moves on. */
  dropBefore(time: string): void {
    const before = this.#held.size;
    this.#held.cutBelow({ time, sequence: "0" });
    this.#notices = this.#notices.filter((notice) => sortTimeOf(notice) >= time);
    if (this.#held.size !== before) this.#entries = null;
  }

  /**
   * Makes room after reading downwards: drops the newest records, so the list no longer reaches up to now. A list that follows
   * the newest drops the oldest instead.
   */
  trimAbove(): void {
    if (this.#waiting === null) {
      this.#trimTo(this.#capacity.records);
      return;
    }
    const removed = this.#held.trimNewest(this.#capacity.records);
    if (removed === 0) return;
    this.#entries = null;
    this.#waitingCount += removed;
    this.#detach();
  }

  /** Makes room after reading upwards: drops the oldest records, which are read again when needed. */
  trimBelow(): void {
    this.#trimTo(this.#capacity.records);
  }

  /** Keeps the screen as it is: new records wait. Records that belong elsewhere in the list are still inserted. */
  hold(shown: Shown | null): void {
    this.#shown = shown;
    this.#waiting ??= new SortedRecords();
    const waiting = this.#waiting.records;
    // Records newer than the list keep waiting; nearly all of them are newer.
    const newer = this.#held.newest === undefined ? waiting.length : newerThan(waiting, this.#held.newest);
    const late = waiting.slice(newer);
    const settled = late.filter((record) => this.#belongsElsewhere(record));
    if (settled.length === 0) return;
    this.#waiting = new SortedRecords();
    this.#waiting.add(waiting.slice(0, newer).concat(late.filter((record) => !this.#belongsElsewhere(record))));
    this.#waitingCount -= settled.length;
    this.#insertOutOfView(settled);
  }

  /** Inserts the waiting records. False when some of them are not here: then the list must be read again. */
  release(): boolean {
    if (this.#detached) return false;
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#waitingCount = 0;
    this.#newAbove = 0;
    this.#shown = null;
    if (waiting !== null) {
      this.#insert(waiting.records);
      this.#trimFollowing();
    }
    return true;
  }

  /** Before records newer than the list are read from history: from now on new records wait again. */
  beginAttaching(): void {
    this.#waiting = new SortedRecords();
    this.#detached = false;
  }

  /** After that. `reachedNow` is false when the list still ends below the newest stored record. */
  endAttaching(reachedNow: boolean): void {
    if (!reachedNow) this.#detach();
    if (this.#detached || this.#waiting === null) return;
    const waiting = this.#waiting.records.filter((record) => !this.#held.has(record.sequence));
    this.#waiting = new SortedRecords();
    this.#waitingCount = this.#waiting.add(waiting);
  }

  addNotice(notice: Notice): void {
    const last = this.#notices.at(-1);
    if (last && continues(last, notice)) this.#notices[this.#notices.length - 1] = joined(last, notice);
    else this.#notices.push(notice);
    this.#notices = this.#notices.slice(-this.#capacity.notices);
    this.#entries = null;
  }

  notice(id: string): Notice | undefined {
    return this.#notices.find((notice) => notice.id === id);
  }

  get notices(): readonly Notice[] {
    return this.#notices;
  }

  changeNotice(id: string, change: Partial<Notice>): void {
    this.#notices = this.#notices.map((notice) => (notice.id === id ? { ...notice, ...change } : notice));
    this.#entries = null;
  }

  /** Whether a late record belongs in the list, but not on the screen. */
  #belongsElsewhere(record: LogRecord): boolean {
    const newest = this.#held.newest;
    if (newest === undefined || compare(record, newest) > 0) return false;
    const shown = this.#shown;
    if (shown === null) return true;
    return compare(record, shown.newest) > 0 || compare(record, shown.oldest) < 0;
  }

  #insertOutOfView(records: readonly LogRecord[]): void {
    const shown = this.#shown;
    if (shown !== null) this.#newAbove += records.filter((record) => compare(record, shown.newest) > 0).length;
    this.#insert(records);
  }

  #detach(): void {
    this.#detached = true;
    if (this.#waiting !== null) this.#waiting = new SortedRecords();
  }

  #insert(records: readonly LogRecord[]): number {
    const added = this.#held.add(records);
    if (added > 0) this.#entries = null;
    return added;
  }

  #trimFollowing(): void {
    this.#trimTo(this.#capacity.following);
  }

  #trimTo(capacity: number): void {
    if (this.#held.trimOldest(capacity) === 0) return;
    const oldest = this.#held.oldest as LogRecord;
    // Without a floor it is not known yet what was stored between these records: history is read from the newest on.
    if (this.#floor !== null) this.#floor = { time: oldest.time, sequence: oldest.sequence };
    // What lies below is read again when needed, including what these notices report missing.
    this.#notices = this.#notices.filter((notice) => sortTimeOf(notice) >= oldest.time);
    this.#entries = null;
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

/** Null means unknown, which is the widest: it wins. */
function earlier(a: string | null, b: string | null): string | null {
  return a === null || b === null ? null : a < b ? a : b;
}

function later(a: string | null, b: string | null): string | null {
  return a === null || b === null ? null : a > b ? a : b;
}
