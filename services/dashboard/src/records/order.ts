/** Places in the order (time, sequence), in which records are kept and shown. */
import type { LogRecord } from "./record";

export interface Place {
  /** UTC with six digits, so that comparing texts compares times. */
  readonly time: string;
  /** Decimal digits. */
  readonly sequence: string;
}

/** Before every record. */
export const BOTTOM: Place = { time: "", sequence: "0" };

/** Positive when `a` is newer. */
export function compare(a: Place, b: Place): number {
  if (a.time !== b.time) return a.time > b.time ? 1 : -1;
  if (a.sequence.length !== b.sequence.length) return a.sequence.length - b.sequence.length;
  return a.sequence === b.sequence ? 0 : a.sequence > b.sequence ? 1 : -1;
}

/** In a list that is newest first: how many of it are newer than the place. */
export function newerThan(records: readonly LogRecord[], place: Place): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(records[middle] as LogRecord, place) > 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
