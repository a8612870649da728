/**
 * Fills the timeline from history: page by page downwards, and into the ranges that the stream left out. It must not decide when.
 * Each request carries the reader's filter, so everything it brought goes when the filter changes (`Timeline.clearFetched`).
 */
import { type Filter, parametersOf } from "../records/filter";
import type { Notice } from "../records/notice";
import { justAfter } from "../records/time";
import type { Timeline } from "../records/timeline";
import type { readPage } from "./history";

export type ReadPage = typeof readPage;

export const OLDER_LIMIT = 500;
export const RANGE_LIMIT = 1000;
/** Pages may hold nothing new: a walk starts at the newest record, a gap's range reaches beyond the gap. */
const MOST_REQUESTS = 10;

interface Read {
  readonly added: number;
  readonly cursor: string | null;
}

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
    const parameters = this.#parameters(OLDER_LIMIT);
    if (walk.end !== null) parameters.end = walk.end;
    const read = await this.#readOn(parameters, walk.cursor, walk.generation);
    if (read === null) return;
    walk.cursor = read.cursor;
    walk.ended = read.cursor === null;
  }

  /** Reads on in a notice's range, newest first, and notes in the notice how far it got. Rejects like readOlder. */
  async readRange(notice: Notice): Promise<void> {
    const { signal } = this.#abort;
    const parameters = this.#parameters(RANGE_LIMIT);
    if (notice.from !== null) parameters.start = notice.from;
    if (notice.to !== null) parameters.end = notice.to;
    this.#timeline.changeNotice(notice.id, { filling: "loading" });
    try {
      const read = await this.#readOn(parameters, notice.cursor, this.#timeline.generation);
      if (read === null) return;
      const filling = read.cursor === null ? "filled" : "partial";
      this.#timeline.changeNotice(notice.id, { filling, loaded: notice.loaded + read.added, cursor: read.cursor });
    } catch (error) {
      // When the filter changed, all notices were put back to open.
      if (!signal.aborted) this.#timeline.changeNotice(notice.id, { filling: notice.filling });
      throw error;
    }
  }

  /**
   * Reads pages until one brought records that were not held, or the last. Answers how many it brought and where to read on; null
   * when the timeline let go of its history meanwhile, so that these records would stand alone.
   */
  async #readOn(parameters: Record<string, string>, start: string | null, generation: number): Promise<Read | null> {
    const { signal } = this.#abort;
    let cursor = start;
    for (let request = 0; request < MOST_REQUESTS; request++) {
      const page = await this.#readPage(cursor === null ? parameters : { ...parameters, cursor }, signal);
      signal.throwIfAborted();
      if (generation !== this.#timeline.generation) return null;
      cursor = page.nextCursor;
      const added = this.#timeline.addFetched(page.records);
      if (added > 0 || cursor === null) return { added, cursor };
    }
    return { added: 0, cursor };
  }

  #currentWalk(): Walk {
    const { generation, newest } = this.#timeline;
    if (this.#walk?.generation !== generation) {
      this.#walk = { generation, end: newest ? justAfter(newest.time) : null, cursor: null, ended: false };
    }
    return this.#walk;
  }

  #parameters(limit: number): Record<string, string> {
    return { ...parametersOf(this.#filter), limit: String(limit), order: "desc" };
  }
}
