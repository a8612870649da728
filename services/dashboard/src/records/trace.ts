/** The trace that a record belongs to, and how the records of a trace are shown. */
import type { LogRecord } from "./record";
import { isoOfMicros, microsOf } from "./time";

/** The attribute under which OpenTelemetry's records and those of other senders carry it. */
export const TRACE_KEY = "trace_id";

const TRACE_ID = /^[0-9a-f]{32}$/i;
/** OpenTelemetry's sign for "no trace". */
const NO_TRACE = /^0+$/;

/** The record's trace id as it was logged; null without one. */
export function traceIdOf({ attributes }: LogRecord): string | null {
  const id = attributes[TRACE_KEY];
  return id !== undefined && TRACE_ID.test(id) && !NO_TRACE.test(id) ? id : null;
}

const PLACEHOLDER = "{trace_id}";

/** Where a tracing UI shows the trace: tracing UIs have ids in lower case. Null when the pattern has no room for the id. */
export function traceLinkOf(pattern: string, traceId: string): string | null {
  if (!/^https?:\/\//i.test(pattern) || !pattern.includes(PLACEHOLDER)) return null;
  return pattern.replaceAll(PLACEHOLDER, traceId.toLowerCase());
}

const SECOND = 1_000_000n;
const MINUTE = 60n * SECOND;
const HOUR = 60n * MINUTE;

/** The microseconds from one of a trace's records to the next; null when a time is unreadable. */
export function microsBetween(earlier: LogRecord, later: LogRecord): bigint | null {
  const [from, to] = [microsOf(earlier.time), microsOf(later.time)];
  return from === null || to === null ? null : to - from;
}

/** A duration in the unit that suits it, such as 12.3 ms. Further digits are cut, so that it is never longer than it was. */
export function durationText(micros: bigint): string {
  if (micros < 1000n) return `${micros} µs`;
  if (micros < SECOND) return `${micros / 1000n}.${(micros % 1000n) / 100n} ms`;
  if (micros < MINUTE) return `${micros / SECOND}.${twoDigits((micros % SECOND) / 10_000n)} s`;
  if (micros < HOUR) return `${micros / MINUTE} min ${twoDigits((micros % MINUTE) / SECOND)} s`;
  return `${micros / HOUR} h ${twoDigits((micros % HOUR) / MINUTE)} min`;
}

function twoDigits(value: bigint): string {
  return value.toString().padStart(2, "0");
}

/** The range that includes `hours` on each side of the time. */
export function rangeAround(time: string, hours: number): { start: string; end: string } {
  const micros = microsOf(time);
  if (micros === null) return { start: "", end: "" };
  const side = BigInt(hours) * HOUR;
  return { start: isoOfMicros(micros - side), end: isoOfMicros(micros + side) };
}

export interface Count {
  readonly name: string;
  readonly count: number;
}

/** How many of the records have each node or level, the most frequent first. */
export function countsBy(records: readonly LogRecord[], field: "node" | "level"): Count[] {
  const counts = new Map<string, number>();
  for (const record of records) counts.set(record[field], (counts.get(record[field]) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}
