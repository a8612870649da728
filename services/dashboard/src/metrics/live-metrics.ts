/** What went live in the last minutes, second by second, over all records. It must not know the screen. */
import { severityOf } from "../records/levels";
import { type Counts, type CountsReader, readCounts } from "./counts";
import { type Stack, stackOf } from "./series";

export const KEPT_SECONDS = 300;
const SHARE_SECONDS = 60;
const NODE_SECONDS = 30;
const MAX_NODES = 5;
const ERROR_SEVERITY = 17;

export interface MetricsSnapshot {
  /** Records of the last second. */
  readonly rate: number;
  /** Records a second over all seconds kept. */
  readonly meanRate: number;
  /** Share of errors, 0..1, among the records of the last minute; null without records. */
  readonly errorShare: number | null;
  readonly lag_p50_ms: number;
  readonly lag_p99_ms: number;
  /** Records left out for viewers in the seconds kept. */
  readonly dropped: number;
  /** Records a second of the last half minute, the most first. */
  readonly nodes: readonly { readonly name: string; readonly rate: number }[];
  readonly stack: Stack;
}

export class LiveMetrics implements CountsReader {
  /** Oldest first. */
  #seconds: Counts[] = [];
  #observers = new Set<() => void>();
  #snapshot: MetricsSnapshot | null = null;

  readonly subscribe = (observer: () => void): (() => void) => {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  };

  readonly snapshot = (): MetricsSnapshot => {
    this.#snapshot ??= snapshotOf(this.#seconds);
    return this.#snapshot;
  };

  /** Adds a second. A second that is repeated by a resumed stream counts once. */
  addCounts(data: string): void {
    const counts = readCounts(data);
    if (counts === null || this.#seconds.some(({ time_ms }) => time_ms === counts.time_ms)) return;
    this.#seconds.push(counts);
    this.#seconds.sort((a, b) => a.time_ms - b.time_ms);
    const oldest_ms = (this.#seconds.at(-1)?.time_ms ?? 0) - KEPT_SECONDS * 1000;
    this.#seconds = this.#seconds.filter(({ time_ms }) => time_ms > oldest_ms);
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = null;
    for (const observer of this.#observers) observer();
  }
}

function snapshotOf(seconds: readonly Counts[]): MetricsSnapshot {
  const last = seconds.at(-1);
  const total = seconds.reduce((sum, { records }) => sum + records, 0);
  return {
    rate: last?.records ?? 0,
    meanRate: seconds.length === 0 ? 0 : total / seconds.length,
    errorShare: errorShareOf(within(seconds, SHARE_SECONDS)),
    lag_p50_ms: last?.lag_p50_ms ?? 0,
    lag_p99_ms: last?.lag_p99_ms ?? 0,
    dropped: seconds.reduce((sum, { dropped }) => sum + dropped, 0),
    nodes: topNodesOf(within(seconds, NODE_SECONDS)),
    stack: stackOf({
      times_ms: seconds.map(({ time_ms }) => time_ms),
      step_ms: 1000,
      counts: seconds.map(({ byLevel }) => byLevel),
    }),
  };
}

function within(seconds: readonly Counts[], length_s: number): Counts[] {
  const from_ms = (seconds.at(-1)?.time_ms ?? 0) - length_s * 1000;
  return seconds.filter(({ time_ms }) => time_ms > from_ms);
}

function errorShareOf(seconds: readonly Counts[]): number | null {
  let [errors, all] = [0, 0];
  for (const { byLevel } of seconds)
    for (const [level, count] of byLevel) {
      all += count;
      if (severityOf(level) >= ERROR_SEVERITY) errors += count;
    }
  return all === 0 ? null : errors / all;
}

function topNodesOf(seconds: readonly Counts[]): { name: string; rate: number }[] {
  const totals = new Map<string, number>();
  for (const { byNode } of seconds)
    for (const [name, count] of byNode) totals.set(name, (totals.get(name) ?? 0) + count);
  return [...totals]
    .map(([name, count]) => ({ name, rate: count / seconds.length }))
    .sort((a, b) => b.rate - a.rate || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_NODES);
}
