/**
 * The owner of an EventSource: connects, resumes, and says how the connection stands. It must not look into records.
 *
 * While the browser reconnects by itself it sends Last-Event-ID. It gives up for good when the answer is no event stream (of
 * another proxy, say); then a new EventSource asks for what follows the last id with `after=`. The same is done, with the same
 * growing pauses, when the answer is a `status` that says that there is no stream: so the page's nginx says that it does not
 * reach the service, and the service that no more viewers fit. Until another event came the connection therefore isn't live.
 */
import { EVENT_NAMES, type EventName } from "./framing";

/** connecting: never connected yet. lost: was refused or broken off, and is being tried again. */
export type Connection = "connecting" | "live" | "lost";

export interface StreamListener {
  /** `id`: the event id to resume after; "" when the event has none. */
  onEvent(name: EventName, data: string, id: string): void;
  /**
   * Everything stored from now on comes. `continued`: and everything since the last id came or was told to be missing; else the
   * stream began anew, and what was stored before is for history to show.
   */
  onLive(continued: boolean): void;
  onConnection(connection: Connection): void;
}

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;
/**
 * The stream sends `counts` each second; a silence this long is a connection that died without a word. A connection that is not
 * answered for as long is as dead, and no browser gives that up by itself.
 */
const SILENCE_MS = 30_000;
const WATCH_MS = 5000;

export class LiveStream {
  #url: string;
  #open: (url: string) => EventSource;
  #listener: StreamListener | null = null;
  #source: EventSource | null = null;
  #lastId: string;
  /** Whether the connection that is being made asks for what follows an id. */
  #resuming = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Null until the first `counts` of a connection: only a stream that counts can be told dead by its silence. */
  #lastEventAt_ms: number | null = null;
  /** When the connection began that has not been answered; null when there is none. */
  #askedAt_ms: number | null = null;

  /** `after`: the id to begin at, "" for now. `open` makes the EventSource; tests give their own. */
  constructor(url: string, after = "", open: (url: string) => EventSource = (address) => new EventSource(address)) {
    this.#url = url;
    this.#lastId = after;
    this.#open = open;
  }

  /** The id of the last event, to resume after; "" before the first. */
  get lastId(): string {
    return this.#lastId;
  }

  start(listener: StreamListener): void {
    this.#listener = listener;
    listener.onConnection("connecting");
    this.#connect();
    this.#watch = setInterval(() => this.#reconnectAfterSilence(), WATCH_MS);
  }

  stop(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    this.#source?.close();
    this.#source = null;
    this.#listener = null;
  }

  /** Tries again now instead of after the wait, for when the browser says that it is online again. */
  retryNow(): void {
    if (this.#listener === null || this.#source !== null) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  #connect(): void {
    const joint = this.#url.includes("?") ? "&" : "?";
    const after = this.#lastId === "" ? "" : `${joint}after=${encodeURIComponent(this.#lastId)}`;
    const source = this.#open(this.#url + after);
    this.#source = source;
    this.#resuming = after !== "";
    this.#askedAt_ms = Date.now();
    let answered = false;
    source.onopen = () => {
      this.#askedAt_ms = null;
      answered = true;
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#lastEventAt_ms = null;
      this.#askedAt_ms = Date.now();
      // The browser's own next connection sends the last id by itself.
      this.#resuming = this.#lastId !== "";
      this.#listener?.onConnection("lost");
      if (source.readyState === source.CLOSED) this.#connectLater();
    };
    for (const name of EVENT_NAMES) {
      source.addEventListener(name, (event) => {
        if (source !== this.#source) return;
        if (name === "status" && saysNoStream(event.data)) {
          this.#listener?.onConnection("lost");
          this.#connectLater();
          return;
        }
        if (answered) {
          answered = false;
          this.#failures = 0;
          this.#listener?.onConnection("live");
        }
        if (name === "counts" || this.#lastEventAt_ms !== null) this.#lastEventAt_ms = Date.now();
        if (event.lastEventId !== "") this.#lastId = event.lastEventId;
        if (name === "live") this.#listener?.onLive(this.#resuming);
        else this.#listener?.onEvent(name, event.data, event.lastEventId);
      });
    }
  }

  #connectLater(): void {
    this.#source?.close();
    this.#source = null;
    this.#askedAt_ms = null;
    this.#lastEventAt_ms = null;
    const longest_ms = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
    this.#failures += 1;
    // Between half and all of it, so that many pages don't return at the same moment.
    this.#retry = setTimeout(() => this.#connect(), longest_ms * (0.5 + Math.random() / 2));
  }

  #reconnectAfterSilence(): void {
    const since_ms = this.#askedAt_ms ?? this.#lastEventAt_ms;
    if (since_ms === null || Date.now() - since_ms < SILENCE_MS) return;
    this.#lastEventAt_ms = null;
    this.#source?.close();
    this.#listener?.onConnection("lost");
    this.#connect();
  }
}

/** Whether the data of a `status` says that what answered has no stream to give. Else it tells how the stream's servers are. */
function saysNoStream(data: string): boolean {
  try {
    return typeof (JSON.parse(data) as { stream?: unknown } | null)?.stream === "string";
  } catch {
    return false;
  }
}
