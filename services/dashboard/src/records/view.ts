/** What the reader looks at, as the query of the page's address: a link is a saved view. Parameter names are the API's own. */
import {
  ALL_TIME,
  type AttributeFilter,
  EVERYTHING,
  type Filter,
  parametersOf,
  type Range,
  rangeParametersOf,
} from "./filter";

export interface View {
  readonly filter: Filter;
  readonly range: Range;
  /** Sequence of the record whose context is open, "" for none. */
  readonly record: string;
}

export const FIRST_VIEW: View = { filter: EVERYTHING, range: ALL_TIME, record: "" };

/** The view of an address's query. Other parameters are ignored; if a parameter is repeated, the last counts. */
export function viewOf(search: string): View {
  const parameters = new URLSearchParams(search);
  const text = (name: string) => parameters.getAll(name).at(-1) ?? "";
  const attributes: AttributeFilter[] = [];
  for (const [name, value] of parameters) {
    const exclude = name.startsWith("-attr.");
    if (!exclude && !name.startsWith("attr.")) continue;
    const key = name.slice(exclude ? 6 : 5);
    if (key !== "") attributes.push({ key, value, exclude });
  }
  return {
    filter: {
      levels: listOf(text("level").toLowerCase()),
      minLevel: text("min_level"),
      nodes: listOf(text("node")),
      text: text("q"),
      attributes,
    },
    range: { start: text("start"), end: text("end") },
    record: text("record"),
  };
}

/** The view as a query, with its question mark; "" for the first view. */
export function searchOf({ filter, range, record }: View): string {
  const parameters = [...parametersOf(filter), ...rangeParametersOf(range)];
  if (record !== "") parameters.push(["record", record]);
  return parameters.length === 0 ? "" : `?${new URLSearchParams(parameters)}`;
}

function listOf(text: string): string[] {
  const values = text.split(",").map((value) => value.trim());
  return [...new Set(values.filter((value) => value !== ""))];
}
