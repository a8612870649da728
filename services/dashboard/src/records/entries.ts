/** The list as it is shown, newest first: records, with the notices between them. Immutable and cheap to make. */
import { type Notice, sortTimeOf } from "./notice";
import { compare, newerThan, type SortKey } from "./order";
import type { LogRecord } from "./record";

export type Entry =
  | { readonly kind: "record"; readonly record: LogRecord }
  | { readonly kind: "notice"; readonly notice: Notice };

interface Slot {
  /** In the whole list. */
  readonly index: number;
  readonly notice: Notice;
}

/** Newer than every record of the same time: a notice stands above the records up to its time. */
const ABOVE = "9".repeat(20);

export class Entries {
  readonly records: readonly LogRecord[];
  #slots: readonly Slot[];

  constructor(records: readonly LogRecord[], notices: readonly Notice[]) {
    this.records = records;
    const ordered = [...notices].sort((a, b) =>
      sortTimeOf(a) === sortTimeOf(b) ? 0 : sortTimeOf(a) > sortTimeOf(b) ? -1 : 1,
    );
    this.#slots = ordered.map((notice, before) => ({
      index: before + newerThan(records, { time: sortTimeOf(notice), sequence: ABOVE }),
      notice,
    }));
  }

  get size(): number {
    return this.records.length + this.#slots.length;
  }

  /** The entry at an index of the list; undefined outside of it. */
  at(index: number): Entry | undefined {
    const before = this.#noticesBefore(index);
    const slot = this.#slots[before];
    if (slot?.index === index) return { kind: "notice", notice: slot.notice };
    const record = this.records[index - before];
    return record && { kind: "record", record };
  }

  /** Identifies an entry for as long as it is in the list. */
  keyAt(index: number): string {
    const entry = this.at(index);
    return entry === undefined ? "" : entry.kind === "record" ? entry.record.sequence : entry.notice.id;
  }

  /** The index of a record, -1 if it isn't held. */
  indexOf(key: SortKey): number {
    const newer = newerThan(this.records, key);
    const record = this.records[newer];
    if (record === undefined || compare(record, key) !== 0) return -1;
    return newer + this.#slots.filter((slot, before) => slot.index - before <= newer).length;
  }

  #noticesBefore(index: number): number {
    let count = 0;
    while (count < this.#slots.length && (this.#slots[count] as Slot).index < index) count += 1;
    return count;
  }
}
