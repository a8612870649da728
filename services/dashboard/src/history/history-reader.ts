/**
 * Fills the timeline from history: page by page downwards, and into the ranges that the stream left out. It must not decide when.
 * Each request carries the reader's filter, so everything it brought goes when the filter changes (`Timeline.clearFetched`).
 */
import { type Filter, parametersOf } from "../records/filter";
import type { Notice } from "../records/notice";
import { justAfter } from "../records/time";
import type { Timeline } from "../records/timeline";
import type { HistoryPage, readPage } from "./history";

export type ReadPage = typeof readPage;

export const OLDER_LIMIT = 500;
export const RANGE_LIMIT = 1000;
/** The walk starts at the newest record, so its first pages may bring nothing new. */
const MOST_REQUESTS = 10;

interface Walk {
  readonly generation: number;
  readonly end: string | null;
  cursor: string | null;
  ended: boolean;
}

export class HistoryReader {
  #timeline: Timeline;
  #readPage: ReadPage;
  #filter: Filter;
  #walk: Walk | null = null;
  #abort = new AbortController();

  constructor(timeline: Timeline, read: ReadPage, filter: Filter) {
    this.#timeline = timeline;
    this.#readPage = read;
    this.#filter = filter;
  }

  /** True when history has nothing older than what is held. */
  get ended(): boolean {
    return this.#walk !== null && this.#walk.generation === this.#timeline.generation && this.#walk.ended;
  }

  /** Stops what is being read and lets go of what was: it was another filter's. */
  setFilter(filter: Filter): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#filter = filter;
    this.#walk = null;
    this.#timeline.clearFetched();
  }

  /**
   * Reads on downwards until records came that were not held, or the end. Rejects with HistoryError; an AbortError when the filter
   * was changed meanwhile.
   *
   * The walk starts at the newest record held, not at the oldest: a service may send a record with an old time of its own, and
   * everything between that and the rest would be passed over.
   */
  async readOlder(): Promise<void> {
    const walk = this.#currentWalk();
    const signal = this.#abort.signal;
    for (let request = 0; request < MOST_REQUESTS && !walk.ended; request++) {
      const parameters = this.#parameters(OLDER_LIMIT, walk.cursor);
      if (walk.end !== null) parameters.end = walk.end;
      const page = await this.#readPage(parameters, signal);
      signal.throwIfAborted();
      if (walk.generation !== this.#timeline.generation) return;
      walk.cursor = page.nextCursor;
      walk.ended = page.nextCursor === null;
      if (this.#timeline.addFetched(page.records) > 0) return;
    }
  }

  /** Reads one page of a notice's range, newest first, and notes in the notice how far it got. Rejects like readOlder. */
  async readRange(notice: Notice): Promise<void> {
    const signal = this.#abort.signal;
    const { generation } = this.#timeline;
    const parameters = this.#parameters(RANGE_LIMIT, notice.cursor);
    if (notice.from !== null) parameters.start = notice.from;
    if (notice.to !== null) parameters.end = justAfter(notice.to);
    this.#timeline.changeNotice(notice.id, { filling: "loading" });
    let page: HistoryPage;
    try {
      page = await this.#readPage(parameters, signal);
      signal.throwIfAborted();
    } catch (error) {
      // An aborted one was put back to open together with all others.
      if (!signal.aborted) this.#timeline.changeNotice(notice.id, { filling: notice.filling });
      throw error;
    }
    if (generation !== this.#timeline.generation) return;
    this.#timeline.changeNotice(notice.id, {
      filling: page.nextCursor === null ? "filled" : "partial",
      loaded: notice.loaded + this.#timeline.addFetched(page.records),
      cursor: page.nextCursor,
    });
  }

  #currentWalk(): Walk {
    const { generation, newest } = this.#timeline;
    if (this.#walk?.generation !== generation) {
      this.#walk = { generation, end: newest ? justAfter(newest.time) : null, cursor: null, ended: false };
    }
    return this.#walk;
  }

  #parameters(limit: number, cursor: string | null): Record<string, string> {
    const parameters: Record<string, string> = { ...parametersOf(this.#filter), limit: String(limit), order: "desc" };
    if (cursor !== null) parameters.cursor = cursor;
    return parameters;
  }
}
