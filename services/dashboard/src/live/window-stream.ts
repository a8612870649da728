/**
 * This window's live stream: watches one query at a time through the hub, lets go of it while the window is hidden, and goes on
 * where it was. It must not look into records.
 */
import type { EventName } from "./framing";
import type { HubLink } from "./hub-link";
import { ALIVE_MS, ANY_TURN, type Link, type Reply } from "./protocol";

/** hidden: the window has let go of the stream, because nobody sees it. off: it watches nothing. */
export type LiveState = Link | "hidden" | "off";

export interface WindowStreamListener {
  onEvent(name: EventName, data: string, id: string): void;
  /** As LiveStream's: everything stored from now on comes, and, if continued, everything since the last event. */
  onLive(continued: boolean): void;
  onState(state: LiveState): void;
  /** What came after the last id comes again, if the stream can go on there. */
  onResume(): void;
}

/** How long a hidden window keeps its stream: a glance at another tab costs nothing. */
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
  #away = false;
  #hiding: ReturnType<typeof setTimeout> | undefined;

  constructor({ listener, connect, page, browser, multiplexed }: WindowStreamOptions) {
    this.#listener = listener;
    this.#page = page;
    this.#multiplexed = multiplexed;
    this.#hub = connect((reply) => this.#take(reply));
    page.addEventListener("visibilitychange", () => this.#onVisibility());
    if (page.visibilityState === "hidden") this.#onVisibility();
    // A page that the browser keeps for the back button must hold no connection.
    browser.addEventListener("pagehide", () => this.#goAway());
    browser.addEventListener("pageshow", () => this.#comeBack());
    browser.addEventListener("online", () => this.#hub.send({ kind: "online" }));
    setInterval(() => {
      if (this.#query !== null && !this.#away) this.#hub.send({ kind: "alive" });
    }, ALIVE_MS);
  }

  /** Watches this query (parameters of /stream) from now on; null watches nothing. */
  watch(query: string | null): void {
    this.#query = query;
    this.#lastId = "";
    this.#listener.onState(query === null ? "off" : this.#away ? "hidden" : "connecting");
    if (query === null) this.#hub.send({ kind: "leave" });
    else if (!this.#away) this.#sendWatch(query);
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
    // What was on its way when the window let go, or turned to another query, belongs to nothing any more.
    if (this.#away || this.#query === null || (turn !== this.#turn && turn !== ANY_TURN)) return;
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
    if (visible) this.#comeBack();
    else this.#hiding = setTimeout(() => this.#goAway(), HIDDEN_MS);
    if (!this.#away) this.#hub.send({ kind: "visible", visible });
  }

  #goAway(): void {
    clearTimeout(this.#hiding);
    if (this.#away) return;
    this.#away = true;
    this.#hub.send({ kind: "leave" });
    if (this.#query !== null) this.#listener.onState("hidden");
  }

  #comeBack(): void {
    if (!this.#away || this.#page.visibilityState === "hidden") return;
    this.#away = false;
    if (this.#query !== null) this.#resume(this.#query);
  }

  #resume(query: string): void {
    this.#listener.onResume();
    this.#listener.onState("connecting");
    this.#sendWatch(query);
  }
}
