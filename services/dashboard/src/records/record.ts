/** A log record as /stream and /api/logs send it. Nothing here shows it. */
import { canonicalTime } from "./time";

export interface LogRecord {
  /** Decimal digits; 63 bits, more than a number can hold. Identifies the record forever. */
  readonly sequence: string;
  /** UTC with six digits, such as 2024-08-06T18:51:32.513200Z. */
  readonly time: string;
  /** OpenTelemetry's number, 1..24; 0 when the level is no known name. */
  readonly severity: number;
  readonly level: string;
  readonly node: string;
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const CANONICAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const DIGITS = /^\d+$/;

/** The record in a parsed JSON value, or null when it isn't one. */
export function recordOf(value: unknown): LogRecord | null {
  if (typeof value !== "object" || value === null) return null;
  const { sequence, time, severity, level, node, message, attributes } = value as Record<string, unknown>;
  if (typeof sequence !== "string" || !DIGITS.test(sequence) || typeof time !== "string") return null;
  if (typeof level !== "string" || typeof node !== "string" || typeof message !== "string") return null;
  const canonical = CANONICAL_TIME.test(time) ? time : canonicalTime(time);
  if (canonical === null) return null;
  return {
    sequence,
    time: canonical,
    severity: typeof severity === "number" ? severity : 0,
    level,
    node,
    message,
    attributes: attributesOf(attributes),
  };
}

function attributesOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}

/** By key: live and stored records may have them in different orders. */
export function sortedAttributes(attributes: LogRecord["attributes"]): [key: string, value: string][] {
  return Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The records of a parsed JSON array and the number of entries that are not records; null when it is not an array. */
export function recordsOf(value: unknown): { records: LogRecord[]; unreadable: number } | null {
  if (!Array.isArray(value)) return null;
  const records = value.map(recordOf).filter((record) => record !== null);
  return { records, unreadable: value.length - records.length };
}
