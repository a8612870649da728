/**
 * The owner of an EventSource: connects, resumes, and reports the state of the connection. It must not look into records.
 *
 * When the browser reconnects by itself it sends Last-Event-ID. It gives up for good when the response is not an event stream (from
 * another proxy, for example); then a new EventSource requests what follows the last id with `after=`. The same happens, with the
 * same growing pauses, when the response is a `status` event that says that there is no stream: nginx sends one when it cannot reach
 * the service, and the service when it accepts no more viewers. So a connection is live only once it has sent another event.
 */
import { EVENT_NAMES, type EventName } from "./framing";

/** connecting: not connected yet. lost: failed or broken, and retried. */
export type Connection = "connecting" | "live" | "lost";

export interface StreamListener {
  /** `id`: the event id to resume after; "" when the event has none. */
  onEvent(name: EventName, data: string, id: string): void;
  /**
   * Everything stored from now on arrives. `continued`: everything since the last id has arrived, or was reported missing. Otherwise the
   * stream started anew, and earlier records must be read from history.
   */
  onLive(continued: boolean): void;
  onConnection(connection: Connection): void;
}

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;
/**
 * The stream sends `counts` each second, so a connection that is silent for this long is dead. So is one that gets no response for this
 * long: no browser gives that up by itself.
 */
const SILENCE_MS = 30_000;
const WATCH_MS = 5000;

export class LiveStream {
  #url: string;
  #open: (url: string) => EventSource;
  #listener: StreamListener | null = null;
  #source: EventSource | null = null;
  #lastId: string;
  /** Whether the connection being made requests what follows an id. */
  #resuming = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Null until the first `counts` of a connection: only a stream that sends them can be judged by its silence. */
  #lastEventAt_ms: number | null = null;
  /** When the connection was started that has no response yet; null when there is none. */
  #requestedAt_ms: number | null = null;

  /** `after`: the id to start after, "" for now. `open` makes the EventSource; tests pass their own. */
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

  /** Connects now instead of after the pause, for when the browser is online again. */
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
    this.#requestedAt_ms = Date.now();
    let opened = false;
    source.onopen = () => {
      this.#requestedAt_ms = null;
      opened = true;
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      this.#lastEventAt_ms = null;
      this.#requestedAt_ms = Date.now();
      // The browser sends the last id when it reconnects by itself.
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
        if (opened) {
          opened = false;
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
    this.#requestedAt_ms = null;
    this.#lastEventAt_ms = null;
    const longest_ms = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
    this.#failures += 1;
    // Between half and all of it, so that many pages do not reconnect at the same moment.
    this.#retry = setTimeout(() => this.#connect(), longest_ms * (0.5 + Math.random() / 2));
  }

  #reconnectAfterSilence(): void {
    const since_ms = this.#requestedAt_ms ?? this.#lastEventAt_ms;
    if (since_ms === null || Date.now() - since_ms < SILENCE_MS) return;
    this.#lastEventAt_ms = null;
    this.#source?.close();
    this.#listener?.onConnection("lost");
    this.#connect();
  }
}

/** Whether the data of a `status` event says that there is no stream. Otherwise it has the state of the stream's servers. */
function saysNoStream(data: string): boolean {
  try {
    return typeof (JSON.parse(data) as { stream?: unknown } | null)?.stream === "string";
  } catch {
    return false;
  }
}
