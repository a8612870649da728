import { expect, test } from "vitest";
import {
  ALL_TIME,
  EVERYTHING,
  type Filter,
  isFilterable,
  nodeFilterOf,
  parametersOf,
  toggled,
  withAttribute,
  withoutAttribute,
} from "../src/records/filter";
import { FIRST_VIEW, searchOf, type View, viewOf } from "../src/records/view";

const FULL: View = {
  filter: {
    levels: ["error", "warn"],
    minLevel: "info",
    nodes: ["api-*", "db"],
    text: 'disk -"no space" + 100% & more',
    attributes: [
      { key: "a&b=c", value: "d e+f", exclude: true },
      { key: "trace.id", value: "", exclude: false },
    ],
  },
  range: { start: "-15m", end: "2026-01-01T00:00:00.000001Z" },
  record: "9007199254740993",
};

test("a view survives its address", () => {
  expect(viewOf(searchOf(FULL))).toEqual(FULL);
  expect(searchOf(viewOf(searchOf(FULL)))).toBe(searchOf(FULL));
});

test("the first view has no query", () => {
  expect(searchOf(FIRST_VIEW)).toBe("");
  expect(viewOf("")).toEqual(FIRST_VIEW);
});

test("the address names filters as the API does", () => {
  expect(parametersOf(FULL.filter)).toEqual([
    ["level", "error,warn"],
    ["min_level", "info"],
    ["node", "api-*,db"],
    ["q", 'disk -"no space" + 100% & more'],
    ["-attr.a&b=c", "d e+f"],
    ["attr.trace.id", ""],
  ]);
});

test("the same filter gives the same parameters, in whatever order it was put together", () => {
  const filter: Filter = { ...FULL.filter, levels: ["warn", "error"], attributes: FULL.filter.attributes.toReversed() };
  expect(parametersOf(filter)).toEqual(parametersOf(FULL.filter));
});

test("an address from elsewhere: other parameters, empty ones, repeats, capitals", () => {
  const view = viewOf("?utm=1&level=ERROR,%20warn,,error&q=&node=a&node=b&attr.=x&start=");
  expect(view).toEqual({
    ...FIRST_VIEW,
    filter: { ...EVERYTHING, levels: ["error", "warn"], nodes: ["b"] },
    range: ALL_TIME,
  });
});

test("a value is toggled", () => {
  expect(toggled(["a", "b"], "a")).toEqual(["b"]);
  expect(toggled(["b"], "a")).toEqual(["b", "a"]);
});

test("including a value of an attribute replaces another, excluding adds", () => {
  const included = { key: "k", value: "1", exclude: false };
  let filter = withAttribute(EVERYTHING, included);
  filter = withAttribute(filter, { ...included, value: "2" });
  expect(filter.attributes).toEqual([{ key: "k", value: "2", exclude: false }]);
  filter = withAttribute(filter, { key: "k", value: "3", exclude: true });
  filter = withAttribute(filter, { key: "k", value: "4", exclude: true });
  expect(filter.attributes.map(({ value }) => value)).toEqual(["2", "3", "4"]);
  // The opposite of what was there.
  filter = withAttribute(filter, { key: "k", value: "2", exclude: true });
  expect(filter.attributes).toContainEqual({ key: "k", value: "2", exclude: true });
  expect(filter.attributes).not.toContainEqual({ key: "k", value: "2", exclude: false });
  filter = withoutAttribute(filter, { key: "k", value: "4", exclude: true });
  expect(filter.attributes.map(({ value }) => value)).toEqual(["3", "2"]);
});

test("what commas, blanks and stars would change can't be asked for", () => {
  expect(["a", "a b", "", " a", "a,b"].map(isFilterable)).toEqual([true, true, false, false, false]);
  expect(nodeFilterOf("api-1")).toBe("api-1");
  expect(nodeFilterOf("api-*")).toBeNull();
});
