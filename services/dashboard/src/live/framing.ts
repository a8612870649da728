/** Reads the events of /stream. It knows their shapes and nothing of connections. */
import type { Notice } from "../records/notice";
import { type LogRecord, recordsOf } from "../records/record";
import { canonicalTime } from "../records/time";

/** What the stream service says of its own servers; null when it did not say. */
export interface ServerStatus {
  readonly broker: "up" | "down" | null;
  /** The window that resuming reads from. */
  readonly recent: "up" | "down" | null;
}

export type StreamEvent =
  | { readonly kind: "records"; readonly records: LogRecord[]; readonly unreadable: number }
  | { readonly kind: "notice"; readonly notice: Notice }
  | { readonly kind: "status"; readonly status: ServerStatus }
  | { readonly kind: "unreadable" };

/** The named events of the stream. `live` and `counts` are read elsewhere: by who connects, and by the live metrics. */
export const EVENT_NAMES = ["logs", "counts", "gap", "dropped", "status", "live"] as const;
export type EventName = (typeof EVENT_NAMES)[number];

const UNREADABLE: StreamEvent = { kind: "unreadable" };
let notices = 0;

/** The meaning of one event; null for one that is read elsewhere. */
export function readEvent(name: EventName, data: string): StreamEvent | null {
  if (name === "counts" || name === "live") return null;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return UNREADABLE;
  }
  if (name === "logs") {
    const read = recordsOf(value);
    return read ? { kind: "records", ...read } : UNREADABLE;
  }
  if (typeof value !== "object" || value === null) return UNREADABLE;
  const fields = value as Record<string, unknown>;
  if (name === "status") {
    return { kind: "status", status: { broker: upOrDown(fields.broker), recent: upOrDown(fields.recent) } };
  }
  return { kind: "notice", notice: noticeOf(name, fields) };
}

/** A notice of the page's own: what happened between two times can't be shown for a reason of the page. */
export function ownGap(range: Pick<Notice, "from" | "to" | "since" | "until">, reason: string): Notice {
  return {
    id: `gap-${++notices}`,
    kind: "gap",
    ...range,
    records: null,
    reason,
    filling: "open",
    loaded: 0,
    cursor: null,
  };
}

function noticeOf(kind: Notice["kind"], fields: Record<string, unknown>): Notice {
  const [from, to] = [timeOf(fields.from), timeOf(fields.to)];
  return {
    id: `${kind}-${++notices}`,
    kind,
    from,
    to,
    // Where these are sent, null means not known; where they are not, the range itself is when it happened.
    since: "received_from" in fields ? timeOf(fields.received_from) : from,
    until: "received_to" in fields ? timeOf(fields.received_to) : to,
    records: typeof fields.records === "number" ? fields.records : null,
    reason: typeof fields.reason === "string" ? fields.reason : "",
    filling: "open",
    loaded: 0,
    cursor: null,
  };
}

function timeOf(value: unknown): string | null {
  return typeof value === "string" ? canonicalTime(value) : null;
}

function upOrDown(value: unknown): "up" | "down" | null {
  return value === "up" || value === "down" ? value : null;
}
