/**
 * Which records the reader wants, as parameters of the services: they mean the same to /stream and to /api/logs, so the page never
 * tests a record itself. It must not know the address bar.
 */

export interface AttributeFilter {
  readonly key: string;
  readonly value: string;
  /** True: leaves out records that have this attribute with this value. */
  readonly exclude: boolean;
}

export interface Filter {
  /** Level names in lower case; empty means every level. */
  readonly levels: readonly string[];
  /** A level name or a severity number, "" for none: at least as severe. */
  readonly minLevel: string;
  /** Node names, `*` stands for any run of characters; empty means every node. */
  readonly nodes: readonly string[];
  /** Words that must all be in the message; `-word` excludes, quotes make a phrase. */
  readonly text: string;
  readonly attributes: readonly AttributeFilter[];
}

/** Of the records' own times: `start` inclusive, `end` exclusive; "" is open. Relative (`-15m`) or ISO 8601, as the API takes them. */
export interface Range {
  readonly start: string;
  readonly end: string;
}

export const EVERYTHING: Filter = { levels: [], minLevel: "", nodes: [], text: "", attributes: [] };
export const ALL_TIME: Range = { start: "", end: "" };

export type Parameters = [name: string, value: string][];

/** The filter as parameters of /stream and of the routes below /api/logs. The same filter always gives the same parameters. */
export function parametersOf(filter: Filter): Parameters {
  const parameters: Parameters = [];
  if (filter.levels.length > 0) parameters.push(["level", [...filter.levels].sort().join(",")]);
  if (filter.minLevel !== "") parameters.push(["min_level", filter.minLevel]);
  if (filter.nodes.length > 0) parameters.push(["node", [...filter.nodes].sort().join(",")]);
  if (filter.text.trim() !== "") parameters.push(["q", filter.text.trim()]);
  const attributes = filter.attributes.map(({ key, value, exclude }): [string, string] => [
    `${exclude ? "-" : ""}attr.${key}`,
    value,
  ]);
  return parameters.concat(attributes.sort((a, b) => (a.join("\0") < b.join("\0") ? -1 : 1)));
}

export function rangeParametersOf({ start, end }: Range): Parameters {
  const parameters: Parameters = [];
  if (start !== "") parameters.push(["start", start]);
  if (end !== "") parameters.push(["end", end]);
  return parameters;
}

/** True when new records belong to the range. */
export function isLive(range: Range): boolean {
  return range.end === "" || range.end === "now";
}

export function isEverything(filter: Filter): boolean {
  return parametersOf(filter).length === 0;
}

/** Commas separate levels and nodes, and blanks around them are cut: a value that has either cannot be filtered by. */
export function isFilterable(value: string): boolean {
  return value !== "" && value === value.trim() && !value.includes(",");
}

/** A node's name as a filter for just this node, or null where a `*` in it would stand for any run of characters. */
export function nodeFilterOf(node: string): string | null {
  return isFilterable(node) && !node.includes("*") ? node : null;
}

export function toggled(values: readonly string[], value: string): string[] {
  return values.includes(value) ? values.filter((other) => other !== value) : [...values, value];
}

/**
 * The filter with this attribute included or excluded. Including replaces another value of the key, because a record has only one;
 * the opposite for the same value is removed.
 */
export function withAttribute(filter: Filter, added: AttributeFilter): Filter {
  const others = filter.attributes.filter(
    ({ key, value, exclude }) => key !== added.key || (value !== added.value && !(added.exclude === false && !exclude)),
  );
  return { ...filter, attributes: [...others, added] };
}

export function withoutAttribute(filter: Filter, removed: AttributeFilter): Filter {
  const attributes = filter.attributes.filter(
    ({ key, value, exclude }) => key !== removed.key || value !== removed.value || exclude !== removed.exclude,
  );
  return { ...filter, attributes };
}
