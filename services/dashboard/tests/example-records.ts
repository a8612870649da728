/** Records for tests. */
import type { LogRecord } from "../src/records/record";

/** A record whose time is `second` seconds after midnight; its sequence is `sequence`. */
export function exampleRecord(sequence: number, second: number, fields: Partial<LogRecord> = {}): LogRecord {
  const time = new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString().replace("Z", "000Z");
  return {
    sequence: String(sequence),
    time,
    severity: 9,
    level: "info",
    node: "checkout",
    message: `message ${sequence}`,
    attributes: {},
    ...fields,
  };
}

/** One record a second, from `first` to `last`, each under its second as sequence. */
export function exampleRecords(first: number, last: number): LogRecord[] {
  return Array.from({ length: last - first + 1 }, (_, index) => exampleRecord(first + index, first + index));
}

export function sequencesOf(records: readonly LogRecord[]): number[] {
  return records.map((record) => Number(record.sequence));
}
