/** Records in the order (time, sequence), newest first, each sequence once. */
import { compare, newerThan, type SortKey } from "./order";
import type { LogRecord } from "./record";

export class SortedRecords {
  #records: readonly LogRecord[] = [];
  #sequences = new Set<string>();

  /** Newest first. A new array after every change. */
  get records(): readonly LogRecord[] {
    return this.#records;
  }

  get size(): number {
    return this.#records.length;
  }

  get newest(): LogRecord | undefined {
    return this.#records[0];
  }

  get oldest(): LogRecord | undefined {
    return this.#records.at(-1);
  }

  has(sequence: string): boolean {
    return this.#sequences.has(sequence);
  }

  /** Inserts records and returns how many were not held yet. */
  add(records: readonly LogRecord[]): number {
    const fresh: LogRecord[] = [];
    for (const record of records) {
      if (this.#sequences.has(record.sequence)) continue;
      this.#sequences.add(record.sequence);
      fresh.push(record);
    }
    if (fresh.length > 0)
      this.#records = merged(
        fresh.sort((a, b) => compare(b, a)),
        this.#records,
      );
    return fresh.length;
  }

  /** Removes the oldest until `capacity` are left, and returns how many went. */
  trimOldest(capacity: number): number {
    return this.#slice(0, capacity);
  }

  /** Removes the newest until `capacity` are left, and returns how many went. */
  trimNewest(capacity: number): number {
    return this.#slice(Math.max(this.#records.length - capacity, 0), this.#records.length);
  }

  /** Removes records older than the key. */
  cutBelow(key: SortKey): void {
    const older = newerThan(this.#records, key);
    this.#slice(0, older + (this.#records[older] !== undefined && compare(this.#records[older], key) === 0 ? 1 : 0));
  }

  #slice(from: number, to: number): number {
    const before = this.#records.length;
    if (from === 0 && to >= before) return 0;
    for (const record of this.#records.slice(0, from)) this.#sequences.delete(record.sequence);
    for (const record of this.#records.slice(to)) this.#sequences.delete(record.sequence);
    this.#records = this.#records.slice(from, to);
    return before - this.#records.length;
  }
}

/** Merges two lists, each newest first, that have no sequence in common. The parts that do not overlap are copied as they are. */
function merged(fresh: readonly LogRecord[], held: readonly LogRecord[]): LogRecord[] {
  const [newest, oldest] = [fresh[0] as LogRecord, fresh.at(-1) as LogRecord];
  const [from, to] = [newerThan(held, newest), newerThan(held, oldest)];
  if (from === to) return held.slice(0, from).concat(fresh, held.slice(to));
  const between: LogRecord[] = [];
  let [i, j] = [0, from];
  while (i < fresh.length && j < to) {
    const [a, b] = [fresh[i] as LogRecord, held[j] as LogRecord];
    if (compare(a, b) > 0) {
      between.push(a);
      i += 1;
    } else {
      between.push(b);
      j += 1;
    }
  }
  return held.slice(0, from).concat(between, fresh.slice(i), held.slice(j));
}
