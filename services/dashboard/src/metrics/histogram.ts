/** How many records match, by time and level, of /api/logs/histogram. */
import { addressOf, askJson, ServerError } from "../history/ask";
import { type Filter, isLive, parametersOf, type Range, rangeParametersOf } from "../records/filter";
import { canonicalTime, isoOfMicros, microsOf } from "../records/time";
import { type Stack, stackOf } from "./series";

export interface Histogram {
  /** From inclusive, to exclusive, as the server understood the range. */
  readonly start: string;
  readonly end: string;
  readonly stack: Stack;
  readonly total: number;
  /** The counts hold from here on; null when they hold for all. */
  readonly countedFrom: string | null;
}

const PATH = "/api/logs/histogram";

/** `buckets`: about how many bars. Rejects with ServerError, or with the signal's reason once aborted. */
export async function readHistogram(
  filter: Filter,
  range: Range,
  buckets: number,
  signal: AbortSignal,
): Promise<Histogram> {
  const parameters = [
    ...parametersOf(filter),
    ...rangeParametersOf(range),
    ["buckets", String(buckets)] as [string, string],
  ];
  const histogram = histogramOf(await askJson(PATH, parameters, signal));
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
    stack: stackOf(times_ms, bucket_s * 1000, counts, severitiesOf(levels)),
    total: typeof total === "number" ? total : 0,
    countedFrom: complete === false && typeof scanned_from === "string" ? canonicalTime(scanned_from) : null,
  };
}

/** The range twice as long: around the same middle, or, of one that is live, further back, so that it stays live. */
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

/** By level in lower case; what the server counted under no level of its list is "other levels", which has no name. */
function countsOf({ counts, total }: Record<string, unknown>): Map<string, number> {
  const found = new Map<string, number>();
  let named = 0;
  for (const [level, count] of Object.entries(typeof counts === "object" && counts !== null ? counts : {})) {
    if (typeof count !== "number") continue;
    named += count;
    const name = level.toLowerCase();
    found.set(name, (found.get(name) ?? 0) + count);
  }
  if (typeof total === "number" && total > named) found.set("", (found.get("") ?? 0) + total - named);
  return found;
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
