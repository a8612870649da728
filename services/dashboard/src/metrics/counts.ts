/** Reads the stream's `counts` event: what went live in a second, over all records. */

export interface Counts {
  readonly time_ms: number;
  readonly records: number;
  readonly byLevel: ReadonlyMap<string, number>;
  readonly byNode: ReadonlyMap<string, number>;
  /** From the gateway's receiving to the stream service: half of the records, and 99 % of them, had this or less. */
  readonly lag_p50_ms: number;
  readonly lag_p99_ms: number;
  /** Records left out for too slow viewers, over all viewers of the replica. */
  readonly dropped: number;
}

/** Takes the data of every `counts` event. */
export interface CountsReader {
  addCounts(data: string): void;
}

/**
 * The counts in an event's data, or null when it has none. Levels are in lower case. The event names the most frequent; the
 * others are counted together under "".
 */
export function readCounts(data: string): Counts | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const fields = value as Record<string, unknown>;
  const time_ms = Date.parse(String(fields.time));
  if (Number.isNaN(time_ms)) return null;
  const byLevel = new Map<string, number>();
  for (const [level, count] of numbersOf(fields.by_level)) {
    const name = level.toLowerCase();
    byLevel.set(name, (byLevel.get(name) ?? 0) + count);
  }
  const records = numberOf(fields.records);
  const others = records - [...byLevel.values()].reduce((sum, count) => sum + count, 0);
  if (others > 0) byLevel.set("", (byLevel.get("") ?? 0) + others);
  return {
    time_ms,
    records,
    byLevel,
    byNode: numbersOf(fields.by_node),
    lag_p50_ms: numberOf(fields.lag_p50_ms),
    lag_p99_ms: numberOf(fields.lag_p99_ms),
    dropped: numberOf(fields.dropped),
  };
}

function numbersOf(value: unknown): Map<string, number> {
  if (typeof value !== "object" || value === null) return new Map();
  return new Map(Object.entries(value).map(([name, count]) => [name, numberOf(count)]));
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
