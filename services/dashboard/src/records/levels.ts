/** Levels: the usual names, their severities, and which to offer as a filter. */

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

/** The first numbers of OpenTelemetry's names; each has three finer steps, `warn2` to `warn4`. */
const NAMED: Readonly<Record<string, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };

/** The other names that the services know, by winston, syslog (RFC 5424), Python and java.util.logging. */
const OTHERS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    http: 7,
    verbose: 6,
    silly: 1,
    emerg: 24,
    emergency: 24,
    panic: 24,
    alert: 23,
    crit: 22,
    critical: 22,
    err: 17,
    warning: 13,
    notice: 10,
    informational: 9,
    severe: 17,
    config: 8,
    fine: 5,
    finer: 3,
    finest: 1,
  }),
);
const NAMED_STEP = /^(trace|debug|info|warn|error|fatal)([234]?)$/;

/** A service may log under any level name; no more than this many are offered. */
const MAX_LEVELS = 14;

export type Kind = "error" | "warn" | "info" | "debug" | "none";

/** The number of a level's name, 0 for an unknown one. */
export function severityOf(name: string): number {
  const lower = name.trim().toLowerCase();
  const [, named = "", step = ""] = NAMED_STEP.exec(lower) ?? [];
  if (named !== "") return (NAMED[named] ?? 0) + (step === "" ? 0 : Number(step) - 1);
  return OTHERS.get(lower) ?? 0;
}

/** The usual levels, the chosen ones and those that have records, the severest first. */
export function levelsToChoose(counted: readonly Level[], chosen: readonly string[]): Level[] {
  const levels = new Map(USUAL.map((level) => [level.name, level.severity]));
  for (const name of chosen) if (!levels.has(name)) levels.set(name, severityOf(name));
  for (const { name, severity } of counted) {
    if ((levels.has(name) && levels.get(name) !== 0) || (levels.size >= MAX_LEVELS && !levels.has(name))) continue;
    if (name !== "") levels.set(name, severity);
  }
  return bySeverity([...levels].map(([name, severity]) => ({ name, severity })));
}

/** The severest first, then by name. */
export function bySeverity<Item extends Level>(levels: readonly Item[]): Item[] {
  return [...levels].sort((a, b) => b.severity - a.severity || (a.name < b.name ? -1 : 1));
}

/** The kind that colours stand for, by the ranges of OpenTelemetry's numbers. */
export function kindOf(severity: number): Kind {
  if (severity >= 17) return "error";
  if (severity >= 13) return "warn";
  if (severity >= 9) return "info";
  return severity >= 1 ? "debug" : "none";
}
