/** Reads the events of /stream. It knows their shapes and nothing of connections. */
import type { Notice } from "../records/notice";
import { type LogRecord, recordsOf } from "../records/record";
import { canonicalTime } from "../records/time";

/** The state of the stream service's own servers; null when unknown. */
export interface ServerStatus {
  readonly broker: "up" | "down" | null;
  /** The recent window, from which streams resume. */
  readonly recent: "up" | "down" | null;
}

export type StreamEvent =
  | { readonly kind: "records"; readonly records: LogRecord[]; readonly unreadable: number }
  | { readonly kind: "notice"; readonly notice: Notice }
  | { readonly kind: "status"; readonly status: ServerStatus }
  | { readonly kind: "unreadable" };

/** The named events of the stream. `live` is read by LiveStream, `counts` by the live metrics. */
export const EVENT_NAMES = ["logs", "counts", "gap", "dropped", "status", "live"] as const;
export type EventName = (typeof EVENT_NAMES)[number];

const UNREADABLE: StreamEvent = { kind: "unreadable" };
let notices = 0;

/** Reads an event; null for events that are read elsewhere. */
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

/** A gap that the page itself reports: it could not receive what was sent between two times. */
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
    // If these are sent, null means unknown. If they are not, the range itself says when it happened.
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
