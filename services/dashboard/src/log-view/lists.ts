/** The shown list and, while history is read again, the list that will replace it. Both get everything the stream sends. */
import type { Search } from "../history/search";
import type { Notice } from "../records/notice";
import type { LogRecord } from "../records/record";
import type { Timeline } from "../records/timeline";

export interface List {
  readonly timeline: Timeline;
  /** Reads history into the timeline. */
  readonly search: Search;
}

export class Lists {
  #shown: List;
  #next: List | null = null;

  constructor(first: List) {
    this.#shown = first;
  }

  get timeline(): Timeline {
    return this.#shown.timeline;
  }

  get search(): Search {
    return this.#shown.search;
  }

  /** Shows another list at once, and ends reading for the lists before. */
  show(list: List): void {
    this.#shown.search.stop();
    this.stopNext();
    this.#next = null;
    this.#shown = list;
  }

  /** Prepares this list to replace the shown one, instead of any other that was being prepared. */
  prepare(list: List): void {
    this.stopNext();
    this.#next = list;
  }

  /** Ends reading for the list that is being prepared. */
  stopNext(): void {
    this.#next?.search.stop();
  }

  isNext(list: List): boolean {
    return this.#next === list;
  }

  /** Shows the list that was prepared. */
  showNext(): void {
    if (this.#next === null) return;
    this.#shown.search.stop();
    this.#shown = this.#next;
    this.#next = null;
  }

  add(records: readonly LogRecord[]): void {
    this.#shown.timeline.add(records);
    this.#next?.timeline.add(records);
  }

  addNotice(notice: Notice): void {
    this.#shown.timeline.addNotice(notice);
    this.#next?.timeline.addNotice(notice);
  }
}
