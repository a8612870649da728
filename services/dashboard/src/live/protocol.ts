/** What a window and the hub that holds the browser's connections say to each other. */
import type { EventName } from "./framing";
import type { Connection } from "./live-stream";

/** crowded: this browser has as many live connections as it may have, and this one waits for another to end. */
export type Link = Connection | "crowded";

/** Takes the window off what it watched before. */
export interface WatchMessage {
  readonly kind: "watch";
  /** Comes back with everything that is said because of it. */
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
  /** Whether the window can be seen: one that can't gives way to one that can. */
  | { readonly kind: "visible"; readonly visible: boolean }
  /** Said every few seconds: a window that crashed does not say that it leaves. */
  | { readonly kind: "alive" }
  | { readonly kind: "online" };

export type FromHub =
  | { readonly kind: "event"; readonly name: EventName; readonly data: string; readonly id: string }
  /** As LiveStream's onLive. */
  | { readonly kind: "live"; readonly continued: boolean }
  | { readonly kind: "link"; readonly link: Link }
  /** The hub does not know what this window watches (any more): it must say so again. */
  | { readonly kind: "unknown" };

/** Of a reply that is about no watch message. */
export const ANY_TURN = -1;

/** `turn`: of the watch message that this is about, so that what was on its way for an earlier one is known. */
export interface Reply {
  readonly turn: number;
  readonly message: FromHub;
}

/** How often a window that watches says that it is alive, and after which silence it is taken for gone. */
export const ALIVE_MS = 5000;
export const GONE_MS = 30_000;
