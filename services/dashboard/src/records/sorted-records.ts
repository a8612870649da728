/** Records in the order (time, sequence), newest first, each sequence once. */
import { compareNewestFirst, type LogRecord } from "./record";

export class SortedRecords {
  #records: LogRecord[] = [];
  #sequences = new Set<string>();

  /** Newest first. A new array after every change. */
  get records(): readonly LogRecord[] {
    return this.#records;
  }

  has(sequence: string): boolean {
    return this.#sequences.has(sequence);
  }

  /** Puts each record in its place and returns how many were not there yet. */
  add(records: readonly LogRecord[]): number {
    const fresh: LogRecord[] = [];
    for (const record of records) {
      if (this.#sequences.has(record.sequence)) continue;
      this.#sequences.add(record.sequence);
      fresh.push(record);
    }
    if (fresh.length > 0) this.#records = merged(fresh.sort(compareNewestFirst), this.#records);
    return fresh.length;
  }

  /** Removes the oldest until `capacity` are left, and returns how many went. */
  trim(capacity: number): number {
    const removed = this.#records.slice(capacity);
    if (removed.length === 0) return 0;
    this.#records = this.#records.slice(0, capacity);
    for (const record of removed) this.#sequences.delete(record.sequence);
    return removed.length;
  }
}

/** Two lists, each newest first, as one. A record that both have, by sequence, must be removed before. */
export function merged(a: readonly LogRecord[], b: readonly LogRecord[]): LogRecord[] {
  const all: LogRecord[] = [];
  let i = 0;
  let j = 0;
  for (let left = a[0], right = b[0]; left !== undefined || right !== undefined; ) {
    if (right === undefined || (left !== undefined && compareNewestFirst(left, right) <= 0)) {
      all.push(left as LogRecord);
      left = a[++i];
    } else {
      all.push(right);
      right = b[++j];
    }
  }
  return all;
}
