/** Counts by time and level, as a stacked chart takes them. */
import { bySeverity, kindOf, type Level, severityOf } from "../records/levels";

export interface Series extends Level {
  /** One for each time. */
  readonly values: readonly number[];
}

export interface Stack {
  readonly times_ms: readonly number[];
  /** Width of a bar. */
  readonly step_ms: number;
  /** The severest first; "" stands for all further levels together. */
  readonly series: readonly Series[];
}

/** A service may log under any level name; the chart shows the most frequent, and the rest together. */
export const MAX_LEVELS = 8;

interface Counted {
  readonly times_ms: readonly number[];
  readonly step_ms: number;
  /** Records by level; one for each time. */
  readonly counts: readonly ReadonlyMap<string, number>[];
  /** Severities of levels, where known. */
  readonly severities?: ReadonlyMap<string, number>;
}

export function stackOf({ times_ms, step_ms, counts, severities = new Map() }: Counted): Stack {
  const totals = new Map<string, number>();
  for (const second of counts) for (const [level, count] of second) totals.set(level, (totals.get(level) ?? 0) + count);
  const ordered = [...totals]
    .filter(([name, total]) => name !== "" && total > 0)
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const named = ordered.slice(0, MAX_LEVELS).map(([name]) => name);
  const rest = ordered.slice(MAX_LEVELS).map(([name]) => name);
  const series = bySeverity(
    named.map((name) => ({
      name,
      severity: severities.get(name) ?? severityOf(name),
      values: counts.map((second) => second.get(name) ?? 0),
    })),
  );
  // Records counted under no name belong to the rest, too, which is the last series.
  if ((totals.get("") ?? 0) > 0) rest.push("");
  if (rest.length > 0) {
    const values = counts.map((second) => rest.reduce((sum, name) => sum + (second.get(name) ?? 0), 0));
    series.push({ name: "", severity: 0, values });
  }
  return { times_ms, step_ms, series };
}

/** How much each further level of one kind fades into the background. */
const FADE = 0.35;

/** For each series the share, 0..1, of its kind's colour: each further level of a kind is fainter. */
export function strengthsOf(series: readonly Level[]): number[] {
  const used = new Map<string, number>();
  return series.map(({ severity }) => {
    const before = used.get(kindOf(severity)) ?? 0;
    used.set(kindOf(severity), before + 1);
    return (1 - FADE) ** before;
  });
}

export function totalOf({ values }: Series): number {
  return values.reduce((sum, value) => sum + value, 0);
}
