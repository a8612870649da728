/**
 * Reads a view from history into its timeline: downwards from the newest record, upwards again, and into the ranges that the stream
 * left out. It must not decide when.
 */
import { type Filter, type Parameters, parametersOf, type Range, rangeParametersOf } from "../records/filter";
import type { Notice } from "../records/notice";
import { BOTTOM, compare, type SortKey } from "../records/order";
import type { LogRecord } from "../records/record";
import { justAfter } from "../records/time";
import type { Timeline } from "../records/timeline";
import type { HistoryPage, ReadPage } from "./history";

/** First a little more than a screen, quickly; then enough for some scrolling. */
const FIRST_LIMIT = 200;
const FURTHER_LIMIT = 1000;
export const RANGE_LIMIT = 1000;

export interface Progress {
  /** idle: read as far as requested. stopped: by the reader, or by an error. end: nothing older is stored. */
  readonly state: "idle" | "reading" | "stopped" | "end";
  /** How far back everything was searched; null before the first response. */
  readonly scannedUntil: string | null;
  /** Records read from history so far. */
  readonly found: number;
}

interface SearchOptions {
  readonly timeline: Timeline;
  readonly readPage: ReadPage;
  readonly filter: Filter;
  readonly range: Range;
  /** Called whenever timeline or progress changed. */
  readonly onChange: () => void;
}

const NOT_BEGUN: Progress = { state: "idle", scannedUntil: null, found: 0 };

export class Search {
  #timeline: Timeline;
  #readPage: ReadPage;
  #parameters: Parameters;
  #range: Range;
  #onChange: () => void;
  #abort = new AbortController();
  #progress = NOT_BEGUN;
  /** Where reading downwards continues: after a cursor, or, when null, at the timeline's floor. */
  #cursor: { readonly next: string; readonly floor: SortKey } | null = null;

  constructor({ timeline, readPage, filter, range, onChange }: SearchOptions) {
    this.#timeline = timeline;
    this.#readPage = readPage;
    this.#parameters = parametersOf(filter);
    this.#range = range;
    this.#onChange = onChange;
  }

  get progress(): Progress {
    // The oldest records have been dropped since.
    if (this.#progress.state === "end" && !this.#atBottom()) return { ...this.#progress, state: "idle" };
    return this.#progress;
  }

  /** True while something is read. Only one thing is read at a time. */
  get reading(): boolean {
    return this.#progress.state === "reading";
  }

  /** Stops what is being read. What was read stays. */
  stop(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    if (this.reading) this.#report({ state: "stopped" });
  }

  /**
   * Reads downwards until about `count` more records are held, or to the end. A search for a rare word takes many requests, each of
   * which updates the progress. Rejects with ServerError.
   */
  async readOlder(count = FIRST_LIMIT): Promise<void> {
    let missing = count;
    await this.#read(async (signal) => {
      while (missing > 0 && !this.#atBottom()) missing -= await this.#readStep(signal);
      return this.#atBottom() ? "end" : "idle";
    });
  }

  /** Reads upwards from the newest record held, which rejoins a detached list with the newest. Rejects with ServerError. */
  async readNewer(): Promise<void> {
    const newest = this.#timeline.newest;
    if (newest === undefined) return;
    const state = this.#progress.state;
    await this.#read(async (signal) => {
      this.#timeline.beginAttaching();
      let reachedNow = false;
      try {
        const parameters = this.#parametersFor(FURTHER_LIMIT, { start: newest.time, end: this.#range.end });
        const page = await this.#readPage([...parameters, ["order", "asc"]], signal);
        this.#timeline.addNewer(page.records);
        this.#timeline.trimBelow();
        reachedNow = page.nextCursor === null;
      } finally {
        this.#timeline.endAttaching(reachedNow);
      }
      return state === "end" && this.#atBottom() ? "end" : "idle";
    });
  }

  /** Reads the next page of a notice's range, newest first, and updates the notice. Rejects with ServerError. */
  async fill(notice: Notice): Promise<void> {
    const state = this.#progress.state;
    this.#timeline.changeNotice(notice.id, { filling: "loading" });
    try {
      await this.#read(async (signal) => {
        const range = { start: notice.from ?? "", end: notice.to ?? "" };
        const page = await this.#readPage(withCursor(this.#parametersFor(RANGE_LIMIT, range), notice.cursor), signal);
        // Records below the floor come when history is read downwards.
        const { floor } = this.#timeline;
        const above = page.records.filter((record) => floor === null || compare(record, floor) >= 0);
        const added = this.#timeline.addFetched(above);
        const filling = page.nextCursor === null || above.length < page.records.length ? "filled" : "partial";
        this.#timeline.changeNotice(notice.id, { filling, loaded: notice.loaded + added, cursor: page.nextCursor });
        return state;
      });
    } finally {
      if (this.#timeline.notice(notice.id)?.filling === "loading") {
        this.#timeline.changeNotice(notice.id, { filling: notice.filling });
        this.#onChange();
      }
    }
  }

  async #read(read: (signal: AbortSignal) => Promise<Progress["state"]>): Promise<void> {
    if (this.reading) return;
    const { signal } = this.#abort;
    this.#report({ state: "reading" });
    try {
      this.#report({ state: await read(signal) });
    } catch (error) {
      if (signal.aborted) return;
      this.#report({ state: "stopped" });
      throw error;
    }
  }

  async #readStep(signal: AbortSignal): Promise<number> {
    const { floor } = this.#timeline;
    const cursor = this.#cursor !== null && this.#cursor.floor === floor ? this.#cursor.next : null;
    // A floor that rose because older records were dropped has no cursor: reading starts again there.
    const end = floor === null || cursor !== null ? this.#range.end : justAfter(floor.time);
    const limit = floor === null ? FIRST_LIMIT : FURTHER_LIMIT;
    const page = await this.#readPage(withCursor(this.#parametersFor(limit, { ...this.#range, end }), cursor), signal);
    // The timeline has dropped older records meanwhile: this page would leave a hole.
    if (this.#timeline.floor !== floor) return 0;
    const added = this.#timeline.addFetched(page.records);
    const reached = keyAfter(page);
    if (reached !== null) this.#timeline.setFloor(reached);
    this.#timeline.trimAbove();
    const newFloor = this.#timeline.floor;
    this.#cursor = page.nextCursor !== null && newFloor !== null ? { next: page.nextCursor, floor: newFloor } : null;
    this.#report({ scannedUntil: page.scannedUntil, found: this.#progress.found + added });
    return page.records.length;
  }

  #atBottom(): boolean {
    return this.#timeline.floor?.time === BOTTOM.time;
  }

  #parametersFor(limit: number, range: Range): Parameters {
    return [...this.#parameters, ...rangeParametersOf(range), ["limit", String(limit)]];
  }

  #report(change: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...change };
    this.#onChange();
  }
}

function withCursor(parameters: Parameters, cursor: string | null): Parameters {
  return cursor === null ? parameters : [...parameters, ["cursor", cursor]];
}

/** Down to which key the page is complete: its last record, or the time down to which it was searched; null when not known. */
function keyAfter({ records, nextCursor, scannedUntil }: HistoryPage): SortKey | null {
  if (nextCursor === null) return BOTTOM;
  const last: LogRecord | undefined = records.at(-1);
  if (scannedUntil === null || last?.time === scannedUntil)
    return last === undefined ? null : { time: last.time, sequence: last.sequence };
  return { time: scannedUntil, sequence: "0" };
}
