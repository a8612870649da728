/** The list as it is shown, newest first: records with the notices at their places. An unchanging view, cheap to make. */
import { type Notice, placeOf } from "./notice";
import { compare, newerThan, type Place } from "./order";
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
    const ordered = [...notices].sort((a, b) => (placeOf(a) === placeOf(b) ? 0 : placeOf(a) > placeOf(b) ? -1 : 1));
    this.#slots = ordered.map((notice, before) => ({
      index: before + newerThan(records, { time: placeOf(notice), sequence: ABOVE }),
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

  /** Names an entry for as long as it is in the list. */
  keyAt(index: number): string {
    const entry = this.at(index);
    return entry === undefined ? "" : entry.kind === "record" ? entry.record.sequence : entry.notice.id;
  }

  /** The index of a record, -1 if it isn't held. */
  indexOf(place: Place): number {
    const position = newerThan(this.records, place);
    const found = this.records[position];
    if (found === undefined || compare(found, place) !== 0) return -1;
    return position + this.#slots.filter((slot, before) => slot.index - before <= position).length;
  }

  #noticesBefore(index: number): number {
    let count = 0;
    while (count < this.#slots.length && (this.#slots[count] as Slot).index < index) count += 1;
    return count;
  }
}
