import type { LogRecord } from "./record"; export function lineOf(record: LogRecord): string { return record.message; }
