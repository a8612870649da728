/**
 * Joins stream, history and the reader's wishes into one snapshot of what the page shows. It knows no element of the screen: the
 * components read the snapshot and call the methods.
 */
import type { ReadPage } from "../history/history";
import { Search } from "../history/search";
import type { EventName } from "../live/framing";
import type { LiveState, WindowStreamListener } from "../live/window-stream";
import type { CountsReader } from "../metrics/counts";
import { isEverything, isLive, parametersOf } from "../records/filter";
import type { Notice } from "../records/notice";
import { startOf } from "../records/time";
import { type Shown, Timeline } from "../records/timeline";
import { FIRST_VIEW, searchOf, type View } from "../records/view";
import { GuardedReads } from "./guarded-reads";
import { hiddenGap } from "./hidden-gap";
import { type Hold, Holds } from "./holds";
import { Intake } from "./intake";
import { type List, Lists } from "./lists";
import type { Snapshot } from "./snapshot";

/** The stream of this window. */
export interface WatchedStream {
  watch(query: string | null): void;
  /** Connects now instead of after the wait. */
  retryNow(): void;
}

/** Thousands of records a second become ten changes of the screen. */
const FLUSH_MS = 100;
/** How often a relative range drops what has become too old for it. */
const SLIDE_MS = 5000;
/** How long the stream has to begin before history is read without it. */
const STREAM_WAIT_MS = 1500;

export class LogView implements WindowStreamListener {
  #stream: WatchedStream | null = null;
  #readPage: ReadPage;
  #counts: CountsReader;
  #view: View = FIRST_VIEW;
  /** The time at which the view's range starts now; "" when it is open. */
  #start = "";
  #lists: Lists;
  #intake = new Intake();
  #holds = new Holds();
  #reads: GuardedReads;
  /** What is on the screen. */
  #shown: Shown | null = null;
  #live: LiveState = "off";
  #generation = 0;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #streamWait: ReturnType<typeof setTimeout> | undefined;
  #observers = new Set<() => void>();
  #snapshot: Snapshot;

  constructor(readPage: ReadPage, counts: CountsReader) {
    this.#readPage = readPage;
    this.#counts = counts;
    this.#lists = new Lists(this.#newList());
    this.#reads = new GuardedReads({ generation: () => this.#generation, onChange: () => this.#publish() });
    this.#snapshot = this.#newSnapshot();
  }

  /** Begins with a view. The stream calls this object's listener methods from then on. */
  begin(stream: WatchedStream, view: View): void {
    this.#stream = stream;
    this.#show(view);
    setInterval(() => this.#slide(), SLIDE_MS);
  }

  readonly subscribe = (observer: () => void): (() => void) => {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  };

  readonly snapshot = (): Snapshot => this.#snapshot;

  /** Shows another view, or opens and closes a record of this one. */
  setView(view: View): void {
    const same = searchOf({ ...view, record: "" }) === searchOf({ ...this.#view, record: "" });
    if (same) {
      this.#view = view;
      this.#publish();
    } else this.#show(view);
  }

  setPaused(paused: boolean): void {
    this.#setHold("paused", paused);
  }

  setScrolledAway(away: boolean): void {
    this.#setHold("away", away);
  }

  /** While the mouse moves or is pressed over the list: a row must not move away from under it. */
  setTouching(touching: boolean): void {
    this.#setHold("touching", touching);
  }

  setSelecting(selecting: boolean): void {
    this.#setHold("selecting", selecting);
  }

  /** What is on the screen, so that late records are inserted only elsewhere while the list is held. */
  setShown(shown: Shown | null): void {
    this.#shown = shown;
  }

  /** Continues with the newest records, wherever the reader has stopped. */
  follow(): void {
    this.#holds.clear();
    this.#release();
    this.#publish();
  }

  retryStream(): void {
    this.#stream?.retryNow();
  }

  dismissError(): void {
    this.#reads.dismiss();
    this.#publish();
  }

  /** Repeats the read that failed. */
  async retryRead(): Promise<void> {
    await this.#reads.retry();
  }

  /** Reads older records than the list has. */
  async readOlder(count?: number): Promise<void> {
    await this.#reads.run(
      () => this.#lists.search.readOlder(count),
      () => this.readOlder(count),
    );
  }

  /** Reads newer records into a list that ends below the newest. */
  async readNewer(): Promise<void> {
    if (!this.#lists.timeline.detached) return;
    await this.#reads.run(
      () => this.#lists.search.readNewer(),
      () => this.readNewer(),
    );
  }

  stopReading(): void {
    this.#lists.search.stop();
  }

  /** Reads a part of the range that a notice reports missing. */
  async fill(noticeId: string): Promise<void> {
    const notice = this.#lists.timeline.notice(noticeId);
    if (!notice || notice.filling === "loading" || notice.filling === "filled") return;
    await this.#reads.run(
      () => this.#lists.search.fill(notice),
      () => this.fill(noticeId),
    );
  }

  onEvent(name: EventName, data: string, id: string): void {
    if (name === "counts") this.#counts.addCounts(data);
    const notices = this.#intake.add({ name, data, id, start: this.#start });
    if (notices !== null) this.#addNotices(notices);
    this.#flushSoon();
  }

  onLive(continued: boolean): void {
    clearTimeout(this.#streamWait);
    if (continued) return;
    // A reader must not lose the record they read. So the hole is shown as a gap, which can be filled.
    if (this.#holds.reading && this.#lists.timeline.size > 0)
      this.#addNotices([hiddenGap(this.#intake.lastEventAt_ms, Date.now())]);
    else void this.#readAnew(false);
    this.#flushSoon();
  }

  onState(state: LiveState): void {
    this.#live = state;
    if (state === "lost") this.onResume();
    // It can take long until another window frees a connection.
    if (state === "crowded" && this.#lists.timeline.floor === null) void this.#readAnew(true);
    this.#publish();
  }

  onResume(): void {
    this.#intake.forgetUnconfirmed();
  }

  #show(view: View): void {
    this.#view = view;
    this.#start = startOf(view.range.start, Date.now());
    this.#holds.clear();
    this.#shown = null;
    this.#reads.dismiss();
    this.#intake.reset();
    this.#lists.show(this.#newList());
    this.#generation += 1;
    clearTimeout(this.#streamWait);
    if (isLive(view.range)) {
      this.#streamWait = setTimeout(() => void this.#readAnew(true), STREAM_WAIT_MS);
      this.#stream?.watch(new URLSearchParams(parametersOf(view.filter)).toString());
    } else {
      this.#stream?.watch(null);
      void this.readOlder();
    }
    this.#publish();
  }

  /** Reads the newest records again into a new list, which replaces the shown one once its first page has arrived. */
  async #readAnew(withoutStream: boolean): Promise<void> {
    this.#takeIncoming();
    this.#lists.stopNext();
    const { timeline, search } = this.#lists;
    if (timeline.size === 0 && !search.reading && timeline.floor === null) {
      await this.readOlder();
      return;
    }
    if (withoutStream) return;
    const next = this.#newList();
    this.#lists.prepare(next);
    await this.#reads.run(
      () => next.search.readOlder(),
      () => this.#readAnew(false),
    );
    if (!this.#lists.isNext(next) || next.timeline.floor === null) return;
    this.#takeIncoming();
    this.#lists.showNext();
    this.#holds.clear();
    this.#generation += 1;
    this.#publish();
  }

  #newList(): List {
    const timeline = new Timeline();
    const { filter, range } = this.#view;
    const onChange = () => this.#flushSoon();
    return { timeline, search: new Search({ timeline, readPage: this.#readPage, filter, range, onChange }) };
  }

  #slide(): void {
    const { start } = this.#view.range;
    if (!start.startsWith("-")) return;
    this.#start = startOf(start, Date.now());
    const { timeline, search } = this.#lists;
    // Nothing disappears while the list is held; it is dropped once the list follows again.
    if (timeline.held || search.reading) return;
    timeline.dropBefore(this.#start);
    this.#publish();
  }

  #addNotices(notices: readonly Notice[]): void {
    this.#takeIncoming();
    for (const notice of notices) this.#lists.addNotice(notice);
  }

  #setHold(hold: Hold, on: boolean): void {
    if (!this.#holds.set(hold, on)) return;
    if (this.#holds.any) {
      this.#takeIncoming();
      this.#lists.timeline.hold(this.#shown);
    } else this.#release();
    this.#publish();
  }

  #release(): void {
    this.#takeIncoming();
    if (!this.#lists.timeline.release()) void this.#readAnew(false);
  }

  #takeIncoming(): void {
    const { timeline } = this.#lists;
    if (timeline.held) timeline.hold(this.#shown);
    const records = this.#intake.take();
    if (records.length > 0) this.#lists.add(records);
  }

  #flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      this.#publish();
    }, FLUSH_MS);
  }

  #publish(): void {
    this.#takeIncoming();
    this.#snapshot = this.#newSnapshot();
    for (const observer of this.#observers) observer();
  }

  #newSnapshot(): Snapshot {
    const { timeline, search } = this.#lists;
    const { progress } = search;
    const { filter, range } = this.#view;
    const everything = isEverything(filter) && range.start === "" && isLive(range);
    return {
      view: this.#view,
      live: this.#live,
      server: this.#intake.server,
      entries: timeline.entries,
      paused: this.#holds.has("paused"),
      held: this.#holds.reading || (timeline.held && timeline.detached),
      waiting: timeline.waiting,
      progress,
      error: this.#reads.error,
      nothingStored: everything && progress.state === "end" && timeline.size === 0 && timeline.waiting === 0,
      unreadable: this.#intake.unreadable,
      generation: this.#generation,
    };
  }
}
