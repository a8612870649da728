/** A record as text, to be copied. */
import { plainText } from "./ansi";
import type { LogRecord } from "./record";

/** A line as in a log file: time, level, node, message, attributes; without a terminal's colours. */
export function lineOf({ time, level, node, message, attributes }: LogRecord): string {
  const pairs = Object.entries(attributes).map(([key, value]) => `${key}=${quoted(value)}`);
  return [time, level, node, plainText(message), ...pairs].join(" ");
}

/** As /api/logs sends it, over several lines. */
export function jsonOf(record: LogRecord): string {
  return JSON.stringify(record, null, 2);
}

function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
