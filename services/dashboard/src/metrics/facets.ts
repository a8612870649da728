/** Reads which levels and nodes there are, from /api/logs/facets: each without its own filter, so that others can be chosen. */
import { addressOf, requestJson, ServerError } from "../history/request";
import { type Filter, type Parameters, parametersOf, type Range, rangeParametersOf } from "../records/filter";
import type { Level } from "../records/levels";

export interface Counted {
  readonly value: string;
  readonly count: number;
}

export interface Facets {
  readonly levels: readonly (Level & { readonly count: number })[];
  readonly nodes: readonly Counted[];
  /** How many nodes there are, listed or not. */
  readonly distinctNodes: number;
  /** True when the counts are over the newest records only. */
  readonly sampled: boolean;
}

const PATH = "/api/logs/facets";
const TOP = "50";
const MAX_COUNTED = "5000";

/** Rejects with ServerError, or with the signal's reason when aborted. */
export async function readFacets(filter: Filter, range: Range, signal: AbortSignal): Promise<Facets> {
  // Counts by time, level and node are stored and cover everything; with words or attributes only the newest records are counted.
  const counted = filter.text.trim() === "" && filter.attributes.length === 0 ? "1" : MAX_COUNTED;
  const read = (part: Filter) =>
    readPart([...parametersOf(part), ...rangeParametersOf(range), ["records", counted]], signal);
  const withoutLevels = { ...filter, levels: [], minLevel: "" };
  const withoutNodes = { ...filter, nodes: [] };
  const chosen = filter.levels.length > 0 || filter.minLevel !== "" || filter.nodes.length > 0;
  if (!chosen) return read(filter);
  const [levels, nodes] = await Promise.all([read(withoutLevels), read(withoutNodes)]);
  return { ...nodes, levels: levels.levels, sampled: levels.sampled || nodes.sampled };
}

async function readPart(filter: Parameters, signal: AbortSignal): Promise<Facets> {
  const parameters: Parameters = [...filter, ["top", TOP]];
  const facets = facetsOf(await requestJson(PATH, parameters, signal));
  if (facets === null) throw new ServerError("unreadable", addressOf(PATH, parameters));
  return facets;
}

/** The facets in a parsed JSON value, or null when it has none. Levels that differ only in case are merged. */
export function facetsOf(body: unknown): Facets | null {
  if (typeof body !== "object" || body === null) return null;
  const { levels, nodes } = body as Record<string, { top?: unknown; distinct?: unknown; over?: unknown } | undefined>;
  if (!Array.isArray(levels?.top) || !Array.isArray(nodes?.top)) return null;
  const merged = new Map<string, Level & { count: number }>();
  for (const { value, count, severity } of levels.top.map(countedOf).filter((entry) => entry !== null)) {
    const name = value.toLowerCase();
    const known = merged.get(name);
    merged.set(name, { name, severity: known?.severity || severity, count: (known?.count ?? 0) + count });
  }
  return {
    levels: [...merged.values()],
    nodes: nodes.top.map(countedOf).filter((entry) => entry !== null),
    distinctNodes: typeof nodes.distinct === "number" ? nodes.distinct : nodes.top.length,
    sampled: levels.over !== "all" || nodes.over !== "all",
  };
}

function countedOf(entry: unknown): (Counted & { severity: number }) | null {
  if (typeof entry !== "object" || entry === null) return null;
  const { value, count, severity } = entry as Record<string, unknown>;
  if (typeof value !== "string" || typeof count !== "number") return null;
  return { value, count, severity: typeof severity === "number" ? severity : 0 };
}
