/**
 * Reads one view from history into its timeline: downwards from the newest, upwards again, and into the ranges that the stream left
 * out. It must not decide when.
 */
import { type Filter, type Parameters, parametersOf, type Range, rangeParametersOf } from "../records/filter";
import type { Notice } from "../records/notice";
import { BOTTOM, compare, type Place } from "../records/order";
import type { LogRecord } from "../records/record";
import { justAfter } from "../records/time";
import type { Timeline } from "../records/timeline";
import type { HistoryPage, ReadPage } from "./history";

/** A screen and some more, at once; then enough for a while of scrolling. */
const FIRST_LIMIT = 200;
const FURTHER_LIMIT = 1000;
export const RANGE_LIMIT = 1000;

export interface Progress {
  /** idle: read as far as asked. reading. stopped: by the reader. end: nothing older is stored. */
  readonly state: "idle" | "reading" | "stopped" | "end";
  /** How far back everything was looked at, null before the first answer. */
  readonly scannedUntil: string | null;
  /** Records that history gave so far. */
  readonly found: number;
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
  /** Where the walk downwards goes on: behind a cursor, or, null, at the timeline's floor. */
  #cursor: { readonly next: string; readonly floor: Place } | null = null;

  constructor(timeline: Timeline, read: ReadPage, filter: Filter, range: Range, onChange: () => void) {
    this.#timeline = timeline;
    this.#readPage = read;
    this.#parameters = parametersOf(filter);
    this.#range = range;
    this.#onChange = onChange;
  }

  get progress(): Progress {
    // The oldest were let go since.
    if (this.#progress.state === "end" && !this.#atBottom()) return { ...this.#progress, state: "idle" };
    return this.#progress;
  }

  /** True while something is read; one thing at a time. */
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
   * Reads on downwards until about as many records came, or to the end; a search for rare words takes many answers,
   * each of which moves the progress on. Rejects with ServerError.
   */
  async readOlder(wanted = FIRST_LIMIT): Promise<void> {
    let missing = wanted;
    await this.#read(async (signal) => {
      while (missing > 0 && !this.#atBottom()) missing -= await this.#readStep(signal);
      return this.#atBottom() ? "end" : "idle";
    });
  }

  /** Reads on upwards from the newest held; a list that was cut off from now is joined to it again. Rejects with ServerError. */
  async readNewer(): Promise<void> {
    const newest = this.#timeline.newest;
    if (newest === undefined) return;
    const state = this.#progress.state;
    await this.#read(async (signal) => {
      this.#timeline.beginAttaching();
      let reachedNow = false;
      try {
        const parameters = this.#asked(FURTHER_LIMIT, { start: newest.time, end: this.#range.end });
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

  /** Reads on in a notice's range, newest first, and notes in the notice how far it got. Rejects with ServerError. */
  async fill(notice: Notice): Promise<void> {
    const state = this.#progress.state;
    this.#timeline.changeNotice(notice.id, { filling: "loading" });
    try {
      await this.#read(async (signal) => {
        const range = { start: notice.from ?? "", end: notice.to ?? "" };
        const page = await this.#readPage(withCursor(this.#asked(RANGE_LIMIT, range), notice.cursor), signal);
        // What lies below the floor is for the walk downwards to bring.
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
    // A floor that rose, because older records had to go, has no cursor: the walk begins anew there.
    const end = floor === null || cursor !== null ? this.#range.end : justAfter(floor.time);
    const limit = floor === null ? FIRST_LIMIT : FURTHER_LIMIT;
    const page = await this.#readPage(withCursor(this.#asked(limit, { ...this.#range, end }), cursor), signal);
    // The timeline had to let older records go meanwhile: this page would not adjoin.
    if (this.#timeline.floor !== floor) return 0;
    const added = this.#timeline.addFetched(page.records);
    const reached = placeAfter(page);
    if (reached !== null) this.#timeline.setFloor(reached);
    this.#timeline.trimAbove();
    const set = this.#timeline.floor;
    this.#cursor = page.nextCursor !== null && set !== null ? { next: page.nextCursor, floor: set } : null;
    this.#report({ scannedUntil: page.scannedUntil, found: this.#progress.found + added });
    return page.records.length;
  }

  #atBottom(): boolean {
    return this.#timeline.floor?.time === BOTTOM.time;
  }

  #asked(limit: number, range: Range): Parameters {
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

/** Down to where everything was given: below the last record, or below the time that was looked at; null when nothing was said. */
function placeAfter({ records, nextCursor, scannedUntil }: HistoryPage): Place | null {
  if (nextCursor === null) return BOTTOM;
  const last: LogRecord | undefined = records.at(-1);
  if (scannedUntil === null || last?.time === scannedUntil)
    return last === undefined ? null : { time: last.time, sequence: last.sequence };
  return { time: scannedUntil, sequence: "0" };
}
