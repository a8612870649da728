/** The order (time, sequence), in which records are held and shown. */
import type { LogRecord } from "./record";

/** What a record is sorted by. */
export interface SortKey {
  /** UTC with six digits, so that comparing texts compares times. */
  readonly time: string;
  /** Decimal digits. */
  readonly sequence: string;
}

/** Before every record. */
export const BOTTOM: SortKey = { time: "", sequence: "0" };

/** Positive when `a` is newer. */
export function compare(a: SortKey, b: SortKey): number {
  if (a.time !== b.time) return a.time > b.time ? 1 : -1;
  if (a.sequence.length !== b.sequence.length) return a.sequence.length - b.sequence.length;
  return a.sequence === b.sequence ? 0 : a.sequence > b.sequence ? 1 : -1;
}

/** In a list that is newest first: how many of its records are newer than the key. */
export function newerThan(records: readonly LogRecord[], key: SortKey): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(records[middle] as LogRecord, key) > 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
