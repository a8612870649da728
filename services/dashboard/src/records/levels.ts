/** The levels to choose from. */
import type { LogRecord } from "./record";

export interface Level {
  /** In lower case. */
  readonly name: string;
  /** OpenTelemetry's number, 0 for an unknown name. */
  readonly severity: number;
}

/** Always offered: the levels of the winston transports. */
const USUAL: readonly Level[] = [
  { name: "error", severity: 17 },
  { name: "warn", severity: 13 },
  { name: "info", severity: 9 },
  { name: "http", severity: 7 },
  { name: "debug", severity: 5 },
];
/** A service may log under any text; past this many, further ones are not offered. */
const MOST = 14;

/** The usual levels, those chosen and those that the records have, the severest first. */
export function levelsOf(records: readonly LogRecord[], chosen: ReadonlySet<string> = new Set()): Level[] {
  const levels = new Map(USUAL.map((level) => [level.name, level.severity]));
  for (const name of chosen) if (!levels.has(name)) levels.set(name, 0);
  for (const record of records) {
    const name = record.level.toLowerCase();
    if ((levels.has(name) && levels.get(name) !== 0) || (levels.size >= MOST && !levels.has(name))) continue;
    if (name !== "") levels.set(name, record.severity);
  }
  return [...levels]
    .map(([name, severity]) => ({ name, severity }))
    .sort((a, b) => b.severity - a.severity || (a.name < b.name ? -1 : 1));
}

/** The kind that colours stand for, by the ranges of OpenTelemetry's numbers. */
export function kindOf(severity: number): "error" | "warn" | "info" | "debug" | "none" {
  if (severity >= 17) return "error";
  if (severity >= 13) return "warn";
  if (severity >= 9) return "info";
  return severity >= 1 ? "debug" : "none";
}
