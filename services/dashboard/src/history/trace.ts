/** Reads the records of a trace, of all nodes, oldest first. It must not know what is on the screen. */
import type { Parameters, Range } from "../records/filter";
import { rangeParametersOf } from "../records/filter";
import type { LogRecord } from "../records/record";
import { TRACE_KEY } from "../records/trace";
import type { ReadPage } from "./history";

/** The most records that are read. */
export const MAX_TRACE = 1000;
const PAGE_LIMIT = 500;

export interface TraceRecords {
  /** Oldest first, at most MAX_TRACE. */
  readonly records: readonly LogRecord[];
  /** reading: pages are missing. more: the trace has further records. complete: these are all within the range. */
  readonly state: "reading" | "more" | "complete";
  /** Up to which time everything was searched; null when not known. */
  readonly scannedUntil: string | null;
  /** Where to continue; null for the beginning. */
  readonly cursor: string | null;
}

export const NO_TRACE_RECORDS: TraceRecords = { records: [], state: "reading", scannedUntil: null, cursor: null };

interface TraceSearch {
  readonly traceId: string;
  readonly range: Range;
  /** What an earlier search of the same range has found. */
  readonly found: TraceRecords;
}

/** Reads page after page and reports each. Rejects with ServerError, or with the signal's reason when aborted. */
export async function readTrace(
  { traceId, range, found }: TraceSearch,
  readPage: ReadPage,
  onProgress: (found: TraceRecords) => void,
  signal: AbortSignal,
): Promise<void> {
  let now = found;
  while (now.state === "reading") {
    const missing = MAX_TRACE + 1 - now.records.length;
    const parameters: Parameters = [
      [`attr.${TRACE_KEY}`, traceId],
      ...rangeParametersOf(range),
      ["order", "asc"],
      // One record past the bound tells whether there are more.
      ["limit", String(Math.min(PAGE_LIMIT, missing))],
    ];
    if (now.cursor !== null) parameters.push(["cursor", now.cursor]);
    const page = await readPage(parameters, signal);
    signal.throwIfAborted();
    const records = [...now.records, ...page.records];
    now = {
      records: records.slice(0, MAX_TRACE),
      state: records.length > MAX_TRACE ? "more" : page.nextCursor === null ? "complete" : "reading",
      scannedUntil: page.scannedUntil,
      cursor: page.nextCursor,
    };
    onProgress(now);
  }
}
