/** Reads how many records match, by time and level, from /api/logs/histogram. */
import { addressOf, requestJson, ServerError } from "../history/request";
import { type Filter, isLive, parametersOf, type Range, rangeParametersOf } from "../records/filter";
import { canonicalTime, isoOfMicros, microsOf } from "../records/time";
import { type Stack, stackOf } from "./series";

export interface Histogram {
  /** The range as the server understood it: from inclusive, to exclusive. */
  readonly start: string;
  readonly end: string;
  readonly stack: Stack;
  readonly total: number;
  /** The time down to which records were counted; null when all were. */
  readonly countedFrom: string | null;
}

const PATH = "/api/logs/histogram";

interface HistogramRequest {
  readonly filter: Filter;
  readonly range: Range;
  /** About how many bars. */
  readonly buckets: number;
}

/** Rejects with ServerError, or with the signal's reason when aborted. */
export async function readHistogram(request: HistogramRequest, signal: AbortSignal): Promise<Histogram> {
  const { filter, range, buckets } = request;
  const parameters = [
    ...parametersOf(filter),
    ...rangeParametersOf(range),
    ["buckets", String(buckets)] as [string, string],
  ];
  const histogram = histogramOf(await requestJson(PATH, parameters, signal));
  if (histogram === null) throw new ServerError("unreadable", addressOf(PATH, parameters));
  return histogram;
}

/** The histogram in a parsed JSON value, or null when it isn't one. */
export function histogramOf(body: unknown): Histogram | null {
  if (typeof body !== "object" || body === null) return null;
  const { start, end, bucket_s, buckets, levels, total, complete, scanned_from } = body as Record<string, unknown>;
  if (typeof start !== "string" || typeof end !== "string" || typeof bucket_s !== "number" || !Array.isArray(buckets))
    return null;
  const times_ms: number[] = [];
  const counts: Map<string, number>[] = [];
  for (const bucket of buckets) {
    const time = microsOf(String((bucket as Record<string, unknown> | null)?.start));
    if (time === null) return null;
    times_ms.push(Number(time / 1000n));
    counts.push(countsOf(bucket as Record<string, unknown>));
  }
  const [from, to] = [canonicalTime(start), canonicalTime(end)];
  if (from === null || to === null) return null;
  return {
    start: from,
    end: to,
    stack: stackOf({ times_ms, step_ms: bucket_s * 1000, counts, severities: severitiesOf(levels) }),
    total: typeof total === "number" ? total : 0,
    countedFrom: complete === false && typeof scanned_from === "string" ? canonicalTime(scanned_from) : null,
  };
}

/** A range twice as long: around the same middle, or, if the range is live, further back, so that it stays live. */
export function zoomedOut(range: Range, { start, end }: Histogram): Range {
  const [from, to] = [microsOf(start) ?? 0n, microsOf(end) ?? 0n];
  const length = to - from;
  if (isLive(range)) return { start: sinceEpoch(from - length), end: range.end };
  return { start: sinceEpoch(from - length / 2n), end: isoOfMicros(to + (length - length / 2n)) };
}

/** Nothing was logged before 1970, and a year before 0 has no ISO form that the services take. */
function sinceEpoch(micros: bigint): string {
  return isoOfMicros(micros < 0n ? 0n : micros);
}

/** By level in lower case; what the server counted under no level of its list goes to "", which stands for all other levels. */
function countsOf({ counts, total }: Record<string, unknown>): Map<string, number> {
  const byLevel = new Map<string, number>();
  let named = 0;
  for (const [level, count] of Object.entries(typeof counts === "object" && counts !== null ? counts : {})) {
    if (typeof count !== "number") continue;
    named += count;
    const name = level.toLowerCase();
    byLevel.set(name, (byLevel.get(name) ?? 0) + count);
  }
  if (typeof total === "number" && total > named) byLevel.set("", (byLevel.get("") ?? 0) + total - named);
  return byLevel;
}

function severitiesOf(levels: unknown): Map<string, number> {
  const severities = new Map<string, number>();
  if (!Array.isArray(levels)) return severities;
  for (const entry of levels) {
    const { level, severity } = (entry ?? {}) as Record<string, unknown>;
    if (typeof level === "string" && typeof severity === "number") severities.set(level.toLowerCase(), severity);
  }
  return severities;
}
