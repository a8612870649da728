/** Reads a page of /api/logs. It must not know what is on the screen. */
import type { Parameters } from "../records/filter";
import { type LogRecord, recordsOf } from "../records/record";
import { canonicalTime } from "../records/time";
import { addressOf, requestJson, ServerError } from "./request";

export interface HistoryPage {
  readonly records: LogRecord[];
  /** Where to continue; null at the end. */
  readonly nextCursor: string | null;
  /** The pages so far have every matching record down to this time; null when the server did not say. */
  readonly scannedUntil: string | null;
}

export type ReadPage = (parameters: Parameters, signal: AbortSignal) => Promise<HistoryPage>;

const PATH = "/api/logs";

/** One page under these query parameters. Rejects with ServerError, or with the signal's reason when aborted. */
export const readPage: ReadPage = async (parameters, signal) => {
  const page = pageOf(await requestJson(PATH, parameters, signal));
  if (page === null) throw new ServerError("unreadable", addressOf(PATH, parameters));
  return page;
};

/** The page in a parsed JSON value, or null when it isn't one. */
export function pageOf(body: unknown): HistoryPage | null {
  if (typeof body !== "object" || body === null) return null;
  const { records, next_cursor: nextCursor, scanned_until: scannedUntil } = body as Record<string, unknown>;
  const read = recordsOf(records);
  if (read === null || (nextCursor !== null && nextCursor !== undefined && typeof nextCursor !== "string")) return null;
  return {
    records: read.records,
    nextCursor: nextCursor ?? null,
    scannedUntil: typeof scannedUntil === "string" ? canonicalTime(scannedUntil) : null,
  };
}
