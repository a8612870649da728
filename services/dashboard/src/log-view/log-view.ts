/**
 * What the page shows, as one snapshot: joins stream, history, timeline and the reader's wishes. It must know no element of the
 * screen; the components read the snapshot and call the methods.
 */
import { ServerError } from "../history/ask";
import type { ReadPage } from "../history/history";
import { type Progress, Search } from "../history/search";
import { type EventName, ownGap, readEvent, type ServerStatus } from "../live/framing";
import type { LiveState, WindowStreamListener } from "../live/window-stream";
import type { CountsReader } from "../metrics/counts";
import type { Entries } from "../records/entries";
import { isEverything, isLive, parametersOf } from "../records/filter";
import type { Notice } from "../records/notice";
import type { LogRecord } from "../records/record";
import { isoOfMicros, startOf } from "../records/time";
import { type Shown, Timeline } from "../records/timeline";
import { FIRST_VIEW, searchOf, type View } from "../records/view";

export interface Snapshot {
  readonly view: View;
  readonly live: LiveState;
  readonly server: ServerStatus;
  readonly entries: Entries;
  /** Set by the reader; `held` is also true while they have scrolled away or have text selected. */
  readonly paused: boolean;
  readonly held: boolean;
  /** Records newer than the list, or waiting for their place on the screen. */
  readonly waiting: number;
  readonly progress: Progress;
  readonly error: ServerError | null;
  /** True when nothing was ever logged, as far as the page could find out. */
  readonly nothingStored: boolean;
  /** Parts of the stream that could not be read. */
  readonly unreadable: number;
  /** Changes when the list is another one: then it begins at its top. */
  readonly generation: number;
}

export interface StreamChoice {
  watch(query: string | null): void;
  /** Connects now instead of after the wait. */
  retryNow(): void;
}

/** Thousands of records a second become ten changes of the screen. */
const FLUSH_MS = 100;
/** After this a question that the server could not answer is asked again. */
const RETRY_MS = 5000;
/** How often a range that begins so long ago lets go of what is older by now. */
const SLIDE_MS = 5000;
/** How long the stream has to begin before history is asked without it. */
const STREAM_PATIENCE_MS = 1500;
/** Of a gap's range on both sides: a record's time may be that far from when it was received. */
const GAP_MARGIN_US = 600_000_000n;
export const HIDDEN_GAP = "hidden";

/** Why the list does not follow: any of them holds it. touching: what is under the mouse is about to be used. */
type Hold = "paused" | "away" | "selecting" | "touching";

export class LogView implements WindowStreamListener {
  #stream: StreamChoice | null = null;
  #readPage: ReadPage;
  #counts: CountsReader;
  #view: View = FIRST_VIEW;
  #timeline = new Timeline();
  #search: Search;
  /** The list that is being read anew, until its first page is here. */
  #next: { readonly timeline: Timeline; readonly search: Search } | null = null;
  #start = "";
  #incoming: LogRecord[] = [];
  /** Drops told of since the last id: a stream that breaks now sends their records again. */
  #unconfirmed: Notice[] = [];
  #lastId = "";
  #lastHeard_ms = 0;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** What failed last, to be done again. */
  #again: () => Promise<void> = async () => {};
  #holds = new Set<Hold>();
  #shown: Shown | null = null;
  #live: LiveState = "off";
  #server: ServerStatus = { broker: null, recent: null };
  #error: ServerError | null = null;
  #unreadable = 0;
  #generation = 0;
  #observers = new Set<() => void>();
  #snapshot: Snapshot;

  constructor(read: ReadPage, counts: CountsReader) {
    this.#readPage = read;
    this.#counts = counts;
    this.#search = this.#searchInto(this.#timeline);
    this.#snapshot = this.#taken();
  }

  /** Begins with a view. The stream calls this object's listener methods from then on. */
  begin(stream: StreamChoice, view: View): void {
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

  /** While the mouse moves or is pressed over the list: a row must not go away from under it. */
  setTouching(touching: boolean): void {
    this.#setHold("touching", touching);
  }

  setSelecting(selecting: boolean): void {
    this.#setHold("selecting", selecting);
  }

  /** What is on the screen, so that late records take their places only elsewhere while the list is held. */
  setShown(shown: Shown | null): void {
    this.#shown = shown;
  }

  /** Goes on with the newest, wherever the reader had stopped. */
  follow(): void {
    this.#holds.clear();
    this.#release();
    this.#publish();
  }

  retryStream(): void {
    this.#stream?.retryNow();
  }

  dismissError(): void {
    clearTimeout(this.#retry);
    this.#error = null;
    this.#publish();
  }

  /** Reads what could not be read before. */
  async tryAgain(): Promise<void> {
    clearTimeout(this.#retry);
    await this.#again();
  }

  /** Reads older records than the list has. */
  async readOlder(wanted?: number): Promise<void> {
    await this.#guarded(
      () => this.#search.readOlder(wanted),
      () => this.readOlder(wanted),
    );
  }

  /** Reads newer records into a list that was cut off from them. */
  async readNewer(): Promise<void> {
    if (!this.#timeline.detached) return;
    await this.#guarded(
      () => this.#search.readNewer(),
      () => this.readNewer(),
    );
  }

  stopReading(): void {
    this.#search.stop();
  }

  /** Reads a part of what a notice says is missing. */
  async fill(noticeId: string): Promise<void> {
    const notice = this.#timeline.notice(noticeId);
    if (!notice || notice.filling === "loading" || notice.filling === "filled") return;
    await this.#guarded(
      () => this.#search.fill(notice),
      () => this.fill(noticeId),
    );
  }

  onEvent(name: EventName, data: string, id: string): void {
    this.#lastHeard_ms = Date.now();
    if (name === "counts") this.#counts.addCounts(data);
    const event = readEvent(name, data);
    if (event?.kind === "status") this.#server = event.status;
    else if (event?.kind === "unreadable") this.#unreadable += 1;
    else if (event?.kind === "records") {
      for (const record of event.records) if (record.time >= this.#start) this.#incoming.push(record);
      this.#unreadable += event.unreadable;
    } else if (event?.notice.kind === "dropped") this.#unconfirmed.push(event.notice);
    else if (event?.kind === "notice") this.#addNotices([event.notice]);
    if (id !== "" && id !== this.#lastId) {
      this.#lastId = id;
      this.#addNotices(this.#unconfirmed);
      this.#unconfirmed = [];
    }
    this.#flushSoon();
  }

  onLive(continued: boolean): void {
    clearTimeout(this.#patience);
    if (continued) return;
    // Nobody who reads should lose their place: then the hole is shown, to be filled where it is.
    if (this.#isRead && this.#timeline.size > 0) this.#addNotices([this.#gapUntilNow()]);
    else void this.#readAnew(false);
    this.#flushSoon();
  }

  onState(state: LiveState): void {
    this.#live = state;
    if (state === "lost") this.onResume();
    // It can take long until another window gives way.
    if (state === "crowded" && this.#timeline.floor === null) void this.#readAnew(true);
    this.#publish();
  }

  onResume(): void {
    this.#unconfirmed = [];
  }

  #show(view: View): void {
    this.#view = view;
    this.#start = startOf(view.range.start, Date.now());
    this.#holds.clear();
    this.#shown = null;
    this.#error = null;
    this.#unconfirmed = [];
    this.#incoming = [];
    this.#lastId = "";
    this.#lastHeard_ms = Date.now();
    this.#search.stop();
    this.#next?.search.stop();
    this.#next = null;
    this.#timeline = new Timeline();
    this.#search = this.#searchInto(this.#timeline);
    this.#generation += 1;
    clearTimeout(this.#patience);
    clearTimeout(this.#retry);
    if (isLive(view.range)) {
      this.#patience = setTimeout(() => void this.#readAnew(true), STREAM_PATIENCE_MS);
      this.#stream?.watch(new URLSearchParams(parametersOf(view.filter)).toString());
    } else {
      this.#stream?.watch(null);
      void this.readOlder();
    }
    this.#publish();
  }

  /** Reads the newest again, beside the list that is shown, which it replaces once it is here. */
  async #readAnew(withoutStream: boolean): Promise<void> {
    this.#takeIncoming();
    this.#next?.search.stop();
    if (this.#timeline.size === 0 && !this.#search.reading && this.#timeline.floor === null) {
      await this.readOlder();
      return;
    }
    if (withoutStream) return;
    const timeline = new Timeline();
    const next = { timeline, search: this.#searchInto(timeline) };
    this.#next = next;
    await this.#guarded(
      () => next.search.readOlder(),
      () => this.#readAnew(false),
    );
    if (this.#next !== next || timeline.floor === null) return;
    this.#takeIncoming();
    this.#search.stop();
    this.#next = null;
    this.#timeline = timeline;
    this.#search = next.search;
    this.#holds.clear();
    this.#generation += 1;
    this.#publish();
  }

  #searchInto(timeline: Timeline): Search {
    return new Search(timeline, this.#readPage, this.#view.filter, this.#view.range, () => this.#flushSoon());
  }

  async #guarded(read: () => Promise<void>, again: () => Promise<void>): Promise<void> {
    const generation = this.#generation;
    this.#error = null;
    const reading = read();
    this.#publish();
    try {
      await reading;
    } catch (cause) {
      if (!(cause instanceof ServerError)) throw cause;
      if (generation === this.#generation) this.#fail(cause, again);
    }
    this.#publish();
  }

  /** What may pass is tried again by itself; what is wrong with the question is not. */
  #fail(error: ServerError, again: () => Promise<void>): void {
    this.#error = error;
    this.#again = again;
    if (error.kind !== "unreachable" && error.status < 500 && error.status !== 429) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.tryAgain(), RETRY_MS);
  }

  #slide(): void {
    const { start } = this.#view.range;
    if (!start.startsWith("-")) return;
    this.#start = startOf(start, Date.now());
    // What is being read stays; it goes once the list follows again.
    if (this.#timeline.held || this.#search.reading) return;
    this.#timeline.dropBefore(this.#start);
    this.#publish();
  }

  #gapUntilNow(): Notice {
    const [since, until] = [BigInt(this.#lastHeard_ms) * 1000n, BigInt(Date.now()) * 1000n];
    return ownGap(
      {
        from: isoOfMicros(since - GAP_MARGIN_US),
        to: isoOfMicros(until + GAP_MARGIN_US),
        since: isoOfMicros(since),
        until: isoOfMicros(until),
      },
      HIDDEN_GAP,
    );
  }

  #addNotices(notices: readonly Notice[]): void {
    this.#takeIncoming();
    for (const notice of notices) {
      this.#timeline.addNotice(notice);
      this.#next?.timeline.addNotice(notice);
    }
  }

  /** A mouse that moves over the list reads nothing yet. */
  get #isRead(): boolean {
    return [...this.#holds].some((hold) => hold !== "touching");
  }

  #setHold(hold: Hold, on: boolean): void {
    if (this.#holds.has(hold) === on) return;
    if (on) this.#holds.add(hold);
    else this.#holds.delete(hold);
    if (this.#holds.size > 0) {
      this.#takeIncoming();
      this.#timeline.hold(this.#shown);
    } else this.#release();
    this.#publish();
  }

  #release(): void {
    this.#takeIncoming();
    if (!this.#timeline.release()) void this.#readAnew(false);
  }

  #takeIncoming(): void {
    if (this.#timeline.held) this.#timeline.hold(this.#shown);
    if (this.#incoming.length === 0) return;
    this.#timeline.add(this.#incoming);
    this.#next?.timeline.add(this.#incoming);
    this.#incoming = [];
  }

  #flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      this.#publish();
    }, FLUSH_MS);
  }

  #publish(): void {
    this.#takeIncoming();
    this.#snapshot = this.#taken();
    for (const observer of this.#observers) observer();
  }

  #taken(): Snapshot {
    const timeline = this.#timeline;
    const { progress } = this.#search;
    const everything = isEverything(this.#view.filter) && this.#view.range.start === "" && isLive(this.#view.range);
    return {
      view: this.#view,
      live: this.#live,
      server: this.#server,
      entries: timeline.entries,
      paused: this.#holds.has("paused"),
      held: this.#isRead || (timeline.held && timeline.detached),
      waiting: timeline.waiting,
      progress,
      error: this.#error,
      nothingStored: everything && progress.state === "end" && timeline.size === 0 && timeline.waiting === 0,
      unreadable: this.#unreadable,
      generation: this.#generation,
    };
  }
}
