/**
 * The browser's connections to /stream: one for each query, however many windows watch it. A browser opens six HTTP/1.1
 * connections to a host, and streams must leave some of them for requests. It must use neither elements nor storage: it runs in a
 * shared worker, or in the page if the browser has none.
 */
import type { EventName } from "./framing";
import { LiveStream } from "./live-stream";
import { ANY_TURN, type FromHub, GONE_MS, type Link, type Reply, type ToHub, type WatchMessage } from "./protocol";

export type Send = (reply: Reply) => void;

/** Streams at a time over HTTP/1.1; over HTTP/2 they share a connection. */
const MAX_STREAMS = 4;
const MAX_MULTIPLEXED = 50;
/** Size of the events kept for windows that were hidden for a while. */
const KEPT_CHARACTERS = 2_000_000;
const WATCH_MS = 10_000;

interface Watcher {
  readonly send: Send;
  turn: number;
  query: string | null;
  visible: boolean;
  multiplexed: boolean;
  lastMessageAt_ms: number;
}

export interface HubOptions {
  readonly open?: (url: string) => EventSource;
  readonly now_ms?: () => number;
}

export class StreamHub {
  #watchers = new Map<object, Watcher>();
  #channels = new Map<string, Channel>();
  #open: ((url: string) => EventSource) | undefined;
  #now_ms: () => number;

  constructor({ open, now_ms = Date.now }: HubOptions = {}) {
    this.#open = open;
    this.#now_ms = now_ms;
    setInterval(() => this.#forgetGone(), WATCH_MS);
  }

  /** Handles a message of the window behind `port`; `send` replies to it. */
  receive(port: object, message: ToHub, send: Send): void {
    const watcher = this.#watchers.get(port) ?? this.#newWatcher(port, send);
    watcher.lastMessageAt_ms = this.#now_ms();
    if (message.kind === "watch") this.#watch(watcher, message);
    else if (message.kind === "leave") this.#leave(watcher);
    else if (message.kind === "online") for (const channel of this.#channels.values()) channel.retryNow();
    else if (message.kind === "visible") watcher.visible = message.visible;
    else if (watcher.query === null) sendTo(watcher, { kind: "unknown" });
    this.#admit();
  }

  #newWatcher(port: object, send: Send): Watcher {
    const watcher = { send, turn: ANY_TURN, query: null, visible: true, multiplexed: false, lastMessageAt_ms: 0 };
    this.#watchers.set(port, watcher);
    return watcher;
  }

  #watch(watcher: Watcher, { turn, query, after, visible, multiplexed }: WatchMessage): void {
    this.#leave(watcher);
    watcher.turn = turn;
    watcher.query = query;
    watcher.visible = visible;
    watcher.multiplexed = multiplexed;
    const channel = this.#channels.get(query);
    if (channel) channel.join(watcher, after);
    else this.#channels.set(query, new Channel({ query, first: watcher, after, open: this.#open }));
  }

  #leave(watcher: Watcher): void {
    if (watcher.query === null) return;
    const channel = this.#channels.get(watcher.query);
    watcher.query = null;
    channel?.leave(watcher);
    if (channel?.empty) this.#close(channel);
  }

  #close(channel: Channel): void {
    channel.stop();
    this.#channels.delete(channel.query);
  }

  /** Opens waiting channels while there is room. Channels of hidden windows make room for visible ones. */
  #admit(): void {
    const most = [...this.#watchers.values()].some(({ multiplexed }) => multiplexed) ? MAX_MULTIPLEXED : MAX_STREAMS;
    const waiting = [...this.#channels.values()].filter((channel) => !channel.open && channel.seen);
    for (const channel of waiting) {
      const open = [...this.#channels.values()].filter((other) => other.open);
      const unseen = open.find((other) => !other.seen);
      if (open.length >= most && unseen === undefined) channel.broadcast({ kind: "link", link: "crowded" });
      else {
        if (open.length >= most && unseen !== undefined) this.#dismiss(unseen);
        channel.start();
      }
    }
  }

  /** Closes a channel of hidden windows. Each watches again, from its last id, once it is visible. */
  #dismiss(channel: Channel): void {
    for (const watcher of channel.watchers) watcher.query = null;
    this.#close(channel);
  }

  #forgetGone(): void {
    const gone_ms = this.#now_ms() - GONE_MS;
    for (const [port, watcher] of this.#watchers) {
      if (watcher.lastMessageAt_ms > gone_ms) continue;
      this.#leave(watcher);
      // A window that was only suspended gets "unknown" with its next message.
      this.#watchers.delete(port);
    }
    this.#admit();
  }
}

function sendTo(watcher: Watcher, message: FromHub): void {
  watcher.send({ turn: watcher.turn, message });
}

type KeptEvent = Extract<FromHub, { kind: "event" }>;

interface ChannelOptions {
  readonly query: string;
  /** The window that is the first to watch it. */
  readonly first: Watcher;
  /** The id to begin after, "" for now. */
  readonly after: string;
  readonly open: ((url: string) => EventSource) | undefined;
}

/** A stream and the windows that watch it. */
class Channel {
  readonly query: string;
  readonly watchers = new Set<Watcher>();
  #stream: LiveStream;
  #started = false;
  #link: Link = "connecting";
  /** Whether the stream has been live. */
  #live = false;
  /** The event id before the first kept event. */
  #keptAfter: string;
  #kept: KeptEvent[] = [];
  #keptCharacters = 0;

  constructor({ query, first, after, open }: ChannelOptions) {
    this.query = query;
    this.#keptAfter = after;
    this.#stream = new LiveStream(`/stream?recent=0${query === "" ? "" : `&${query}`}`, after, open);
    this.watchers.add(first);
  }

  get open(): boolean {
    return this.#started;
  }

  get empty(): boolean {
    return this.watchers.size === 0;
  }

  get seen(): boolean {
    return [...this.watchers].some(({ visible }) => visible);
  }

  start(): void {
    this.#started = true;
    this.#stream.start({
      onEvent: (name, data, id) => this.#take(name, data, id),
      onLive: (continued) => this.#goLive(continued),
      onConnection: (connection) => {
        this.#link = connection;
        this.broadcast({ kind: "link", link: connection });
      },
    });
  }

  stop(): void {
    this.#stream.stop();
    this.watchers.clear();
  }

  retryNow(): void {
    if (this.#started) this.#stream.retryNow();
  }

  /** Adds a window: it gets the events after its last id if they are kept, otherwise those from now on. */
  join(watcher: Watcher, after: string): void {
    this.watchers.add(watcher);
    sendTo(watcher, { kind: "link", link: this.#link });
    // A stream that has not been live yet announces it to all windows later.
    if (!this.#live) return;
    const missed = after === "" ? null : this.#since(after);
    for (const event of missed ?? []) sendTo(watcher, event);
    sendTo(watcher, { kind: "live", continued: missed !== null });
  }

  leave(watcher: Watcher): void {
    this.watchers.delete(watcher);
  }

  broadcast(message: FromHub): void {
    for (const watcher of this.watchers) sendTo(watcher, message);
  }

  #goLive(continued: boolean): void {
    this.#live = true;
    this.broadcast({ kind: "live", continued });
  }

  #take(name: EventName, data: string, id: string): void {
    const event: KeptEvent = { kind: "event", name, data, id };
    this.broadcast(event);
    this.#kept.push(event);
    this.#keptCharacters += data.length;
    if (this.#keptCharacters > KEPT_CHARACTERS) this.#shorten();
  }

  /** Half at a time, which makes it cheap. */
  #shorten(): void {
    let removed = 0;
    while (this.#keptCharacters > KEPT_CHARACTERS / 2) {
      const event = this.#kept[removed];
      if (event === undefined) break;
      this.#keptCharacters -= event.data.length;
      this.#keptAfter = event.id;
      removed += 1;
    }
    this.#kept = this.#kept.slice(removed);
  }

  /** The kept events after an event id; null when the id is not among them. An event without an id has that of the event before it. */
  #since(after: string): KeptEvent[] | null {
    if (after === this.#keptAfter) return this.#kept;
    const index = this.#kept.findIndex((event) => event.id === after);
    return index < 0 ? null : this.#kept.slice(index + 1);
  }
}
