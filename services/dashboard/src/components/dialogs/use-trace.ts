/** Reads a trace while its dialog is open, and lets the reader stop, continue and widen the search. */
import { useEffect, useMemo, useState } from "react";
import { readPage } from "../../history/history";
import { ServerError } from "../../history/request";
import { NO_TRACE_RECORDS, readTrace, type TraceRecords } from "../../history/trace";
import { ALL_TIME, type Range } from "../../records/filter";
import { rangeAround } from "../../records/trace";

/** How far around the record is searched, in hours; null for all time. */
export const SPANS = [1, 24, null] as const;
export type Span = (typeof SPANS)[number];

export interface TraceReading {
  readonly span: Span;
  readonly range: Range;
  readonly found: TraceRecords;
  readonly reading: boolean;
  readonly error: ServerError | null;
  /** Begins anew with this span. */
  search(span: Span): void;
  stop(): void;
  /** Continues where the search stopped, by the reader or by an error. */
  resume(): void;
}

/** `from`: where the search continues. */
interface Request {
  readonly span: Span;
  readonly from: TraceRecords;
  readonly running: boolean;
}

export function useTrace(traceId: string, time: string): TraceReading {
  const [request, setRequest] = useState<Request>({ span: SPANS[0], from: NO_TRACE_RECORDS, running: true });
  const [found, setFound] = useState(NO_TRACE_RECORDS);
  const [error, setError] = useState<ServerError | null>(null);
  const { span } = request;
  const range = useMemo(() => (span === null ? ALL_TIME : rangeAround(time, span)), [time, span]);
  useEffect(() => {
    setError(null);
    if (!request.running) return;
    const abort = new AbortController();
    setFound(request.from);
    readTrace({ traceId, range, found: request.from }, readPage, setFound, abort.signal).catch((cause) => {
      if (abort.signal.aborted) return;
      if (!(cause instanceof ServerError)) throw cause;
      setError(cause);
    });
    return () => abort.abort();
  }, [traceId, range, request]);
  return {
    span,
    range,
    found,
    reading: request.running && error === null && found.state === "reading",
    error,
    search: (wanted) => setRequest({ span: wanted, from: NO_TRACE_RECORDS, running: true }),
    stop: () => setRequest({ ...request, running: false }),
    resume: () => setRequest({ ...request, from: found, running: true }),
  };
}
