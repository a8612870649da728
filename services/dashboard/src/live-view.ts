/**
 * What the page shows, as one snapshot: joins stream, timeline, history and the reader's wishes. It must know no element of the
 * screen; the components read the snapshot and call the methods.
 */
import type { HistoryError } from "./history/history";
import { HistoryReader, type ReadPage } from "./history/history-reader";
import { type EventName, readEvent, type ServerStatus } from "./live/framing";
import type { Connection, LiveStream, StreamListener } from "./live/live-stream";
import { EVERYTHING, type Filter, matcherOf } from "./records/filter";
import { type Level, levelsOf } from "./records/levels";
import type { LogRecord } from "./records/record";
import { type Entry, Timeline } from "./records/timeline";

/** full: the page holds as much as it may. */
export type Older = "idle" | "loading" | "end" | "full";

export interface Snapshot {
  readonly connection: Connection;
  readonly server: ServerStatus;
  readonly filter: Filter;
  readonly levels: readonly Level[];
  readonly entries: readonly Entry[];
  /** Records held, shown or filtered out. */
  readonly size: number;
  /** Set by the reader; `held` is also true while the reader has scrolled away. */
  readonly paused: boolean;
  readonly held: boolean;
  /** Records that match and wait for the list to go on; `waitingOverflowed` when there are more. */
  readonly waiting: number;
  readonly waitingOverflowed: boolean;
  readonly older: Older;
  readonly error: HistoryError | null;
  /** True when nothing was ever logged, as far as the page could find out. */
  readonly nothingStored: boolean;
  /** Parts of the stream that could not be read. */
  readonly unreadable: number;
}

/** Thousands of records a second become ten changes of the screen. */
const FLUSH_MS = 100;
/** How long the stream has for the first screen before history is asked. */
const FIRST_SCREEN_MS = 1500;
const FLUSH_RECORDS = 2000;

export class LiveView implements StreamListener {
  #stream: LiveStream;
  #timeline = new Timeline();
  #history: HistoryReader;
  #incoming: LogRecord[] = [];
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #firstScreenTimer: ReturnType<typeof setTimeout> | undefined;
  #scrolledAway = false;
  #loading = false;
  #observers = new Set<() => void>();
  #snapshot: Snapshot = {
    connection: "connecting",
    server: { broker: null, recent: null },
    filter: EVERYTHING,
    levels: levelsOf([]),
    entries: [],
    size: 0,
    paused: false,
    held: false,
    waiting: 0,
    waitingOverflowed: false,
    older: "idle",
    error: null,
    nothingStored: false,
    unreadable: 0,
  };

  constructor(stream: LiveStream, read: ReadPage) {
    this.#stream = stream;
    this.#history = new HistoryReader(this.#timeline, read, EVERYTHING);
  }

  start(): void {
    this.#stream.start(this);
    this.#firstScreenTimer = setTimeout(() => this.#readFirstScreen(), FIRST_SCREEN_MS);
  }

  stop(): void {
    this.#stream.stop();
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#firstScreenTimer);
  }

  readonly subscribe = (observer: () => void): (() => void) => {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  };

  readonly snapshot = (): Snapshot => this.#snapshot;

  onEvent(name: EventName, data: string): void {
    const event = readEvent(name, data);
    if (event === null) return;
    if (event.kind === "status") this.#publish({ server: event.status });
    else if (event.kind === "unreadable") this.#publish({ unreadable: this.#snapshot.unreadable + 1 });
    else if (event.kind === "notice") {
      this.#takeIncoming();
      this.#timeline.addNotice(event.notice);
      this.#flushSoon();
    } else {
      for (const record of event.records) this.#incoming.push(record);
      if (this.#incoming.length >= FLUSH_RECORDS) this.#takeIncoming();
      if (event.unreadable > 0) this.#publish({ unreadable: this.#snapshot.unreadable + event.unreadable });
      this.#flushSoon();
    }
  }

  onConnection(connection: Connection): void {
    const recovered = connection === "live" && this.#snapshot.error !== null && this.#timeline.size === 0;
    this.#publish({ connection });
    if (recovered) this.#readFirstScreen();
  }

  setFilter(filter: Filter): void {
    this.#history.setFilter(filter);
    this.#loading = false;
    this.#publish({ filter, error: null });
  }

  setPaused(paused: boolean): void {
    this.#hold(paused, this.#scrolledAway);
  }

  setScrolledAway(away: boolean): void {
    if (away !== this.#scrolledAway) this.#hold(this.#snapshot.paused, away);
  }

  /** Goes on with the newest, wherever the reader had stopped. */
  follow(): void {
    this.#hold(false, false);
  }

  dismissError(): void {
    this.#publish({ error: null });
  }

  /** Reads older records than the list has. The list pauses, so that nothing read is pushed out by new records. */
  async loadOlder(): Promise<void> {
    this.#hold(true, this.#scrolledAway);
    await this.#read(() => this.#history.readOlder());
  }

  /** Reads a part of what a notice says is missing. */
  async fill(noticeId: string): Promise<void> {
    const notice = this.#timeline.notice(noticeId);
    if (!notice || notice.filling === "loading" || notice.filling === "filled") return;
    this.#hold(true, this.#scrolledAway);
    await this.#read(() => this.#history.readRange(notice));
  }

  async #readFirstScreen(): Promise<void> {
    this.#takeIncoming();
    if (this.#timeline.size > 0) return;
    await this.#read(() => this.#history.readOlder());
  }

  async #read(read: () => Promise<void>): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    const reading = read();
    this.#publish({ error: null });
    const filter = this.#snapshot.filter;
    let error: HistoryError | null = null;
    try {
      await reading;
    } catch (cause) {
      if (filter !== this.#snapshot.filter) return;
      error = cause as HistoryError;
    }
    this.#loading = false;
    this.#publish({ error });
  }

  #hold(paused: boolean, scrolledAway: boolean): void {
    this.#takeIncoming();
    this.#scrolledAway = scrolledAway;
    if (paused || scrolledAway) this.#timeline.hold();
    else this.#timeline.release();
    this.#publish({ paused });
  }

  #takeIncoming(): void {
    if (this.#incoming.length === 0) return;
    this.#timeline.add(this.#incoming);
    this.#incoming = [];
  }

  #flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      this.#takeIncoming();
      this.#publish({});
    }, FLUSH_MS);
  }

  #publish(change: Partial<Snapshot>): void {
    const timeline = this.#timeline;
    const filter = change.filter ?? this.#snapshot.filter;
    const matches = matcherOf(filter);
    const waiting = timeline.waiting;
    const unfiltered = filter.levels.size === 0 && filter.text === "";
    this.#snapshot = {
      ...this.#snapshot,
      ...change,
      levels: levelsOf(timeline.records(), filter.levels),
      entries: timeline.entries(matches),
      size: timeline.size,
      held: timeline.held,
      waiting: waiting.records.filter(matches).length,
      waitingOverflowed: waiting.overflowed,
      older: this.#older(),
      nothingStored: unfiltered && this.#history.ended && timeline.size === 0 && waiting.records.length === 0,
    };
    for (const observer of this.#observers) observer();
  }

  #older(): Older {
    if (this.#loading) return "loading";
    if (this.#history.ended) return "end";
    return this.#timeline.full ? "full" : "idle";
  }
}
