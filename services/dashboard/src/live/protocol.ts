/** The messages between a window and the hub that holds the browser's connections. */
import type { EventName } from "./framing";
import type { Connection } from "./live-stream";

/** crowded: this browser has reached its limit of live connections, and this one waits for another to end. */
export type Link = Connection | "crowded";

/** Replaces what the window watched before. */
export interface WatchMessage {
  readonly kind: "watch";
  /** Sent back with every reply to this message. */
  readonly turn: number;
  readonly query: string;
  /** The last id the window saw of this query, "" when it begins. */
  readonly after: string;
  readonly visible: boolean;
  /** True over HTTP/2, where streams share a connection. */
  readonly multiplexed: boolean;
}

export type ToHub =
  | WatchMessage
  | { readonly kind: "leave" }
  /** Hidden windows make room for visible ones. */
  | { readonly kind: "visible"; readonly visible: boolean }
  /** Sent every few seconds, because a window that crashes cannot send `leave`. */
  | { readonly kind: "alive" }
  | { readonly kind: "online" };

export type FromHub =
  | { readonly kind: "event"; readonly name: EventName; readonly data: string; readonly id: string }
  /** As LiveStream's onLive. */
  | { readonly kind: "live"; readonly continued: boolean }
  | { readonly kind: "link"; readonly link: Link }
  /** The hub does not know what this window watches: it must send `watch` again. */
  | { readonly kind: "unknown" };

/** The turn of a reply to no watch message. */
export const ANY_TURN = -1;

/** `turn`: of the watch message that this replies to, so that replies to an earlier one can be recognized. */
export interface Reply {
  readonly turn: number;
  readonly message: FromHub;
}

/** How often a watching window sends `alive`, and after which silence it counts as gone. */
export const ALIVE_MS = 5000;
export const GONE_MS = 30_000;
