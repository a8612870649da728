/**
 * This window's side of the live stream: watches a query through the hub, stops while the window is hidden, and then resumes where it
 * was. It must not look into records.
 */
import type { EventName } from "./framing";
import type { HubLink } from "./hub-link";
import { ALIVE_MS, ANY_TURN, type Link, type Reply } from "./protocol";

/** hidden: the window is not visible and has stopped watching. off: it watches nothing. */
export type LiveState = Link | "hidden" | "off";

export interface WindowStreamListener {
  onEvent(name: EventName, data: string, id: string): void;
  /** As in StreamListener: everything stored from now on arrives and, if continued, everything since the last event. */
  onLive(continued: boolean): void;
  onState(state: LiveState): void;
  /** The stream resumes: events after the last id are sent again, if it can. */
  onResume(): void;
}

/** How long a hidden window keeps its stream, so that a glance at another tab costs nothing. */
export const HIDDEN_MS = 10_000;

export type ConnectHub = (onReply: (reply: Reply) => void) => HubLink;
type Page = Pick<Document, "visibilityState" | "addEventListener">;
type Browser = Pick<Window, "addEventListener">;

interface WindowStreamOptions {
  readonly listener: WindowStreamListener;
  readonly connect: ConnectHub;
  readonly page: Page;
  readonly browser: Browser;
  /** True over HTTP/2, where streams share a connection. */
  readonly multiplexed: boolean;
}

export class WindowStream {
  #listener: WindowStreamListener;
  #hub: HubLink;
  #page: Page;
  #multiplexed: boolean;
  #query: string | null = null;
  #lastId = "";
  #turn = 0;
  #stopped = false;
  #hiding: ReturnType<typeof setTimeout> | undefined;

  constructor({ listener, connect, page, browser, multiplexed }: WindowStreamOptions) {
    this.#listener = listener;
    this.#page = page;
    this.#multiplexed = multiplexed;
    this.#hub = connect((reply) => this.#take(reply));
    page.addEventListener("visibilitychange", () => this.#onVisibility());
    if (page.visibilityState === "hidden") this.#onVisibility();
    // A page that the browser caches for the back button must not hold a connection.
    browser.addEventListener("pagehide", () => this.#stop());
    browser.addEventListener("pageshow", () => this.#start());
    browser.addEventListener("online", () => this.#hub.send({ kind: "online" }));
    setInterval(() => {
      if (this.#query !== null && !this.#stopped) this.#hub.send({ kind: "alive" });
    }, ALIVE_MS);
  }

  /** Watches this query (parameters of /stream) from now on; null for nothing. */
  watch(query: string | null): void {
    this.#query = query;
    this.#lastId = "";
    this.#listener.onState(query === null ? "off" : this.#stopped ? "hidden" : "connecting");
    if (query === null) this.#hub.send({ kind: "leave" });
    else if (!this.#stopped) this.#sendWatch(query);
  }

  retryNow(): void {
    this.#hub.send({ kind: "online" });
  }

  #sendWatch(query: string): void {
    this.#turn += 1;
    this.#hub.send({
      kind: "watch",
      turn: this.#turn,
      query,
      after: this.#lastId,
      visible: this.#page.visibilityState !== "hidden",
      multiplexed: this.#multiplexed,
    });
  }

  #take({ turn, message }: Reply): void {
    // Replies to an earlier watch message, or sent before the window stopped, are outdated.
    if (this.#stopped || this.#query === null || (turn !== this.#turn && turn !== ANY_TURN)) return;
    if (message.kind === "unknown") this.#resume(this.#query);
    else if (message.kind === "link") this.#listener.onState(message.link);
    else if (message.kind === "live") this.#listener.onLive(message.continued);
    else {
      this.#listener.onEvent(message.name, message.data, message.id);
      if (message.id !== "") this.#lastId = message.id;
    }
  }

  #onVisibility(): void {
    clearTimeout(this.#hiding);
    const visible = this.#page.visibilityState !== "hidden";
    if (visible) this.#start();
    else this.#hiding = setTimeout(() => this.#stop(), HIDDEN_MS);
    if (!this.#stopped) this.#hub.send({ kind: "visible", visible });
  }

  #stop(): void {
    clearTimeout(this.#hiding);
    if (this.#stopped) return;
    this.#stopped = true;
    this.#hub.send({ kind: "leave" });
    if (this.#query !== null) this.#listener.onState("hidden");
  }

  #start(): void {
    if (!this.#stopped || this.#page.visibilityState === "hidden") return;
    this.#stopped = false;
    if (this.#query !== null) this.#resume(this.#query);
  }

  #resume(query: string): void {
    this.#listener.onResume();
    this.#listener.onState("connecting");
    this.#sendWatch(query);
  }
}
