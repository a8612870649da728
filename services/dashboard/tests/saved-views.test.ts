import { beforeEach, expect, test } from "vitest";
import {
  MAX_NAME_CHARACTERS,
  MAX_SEARCH_CHARACTERS,
  MAX_VIEWS,
  readViews,
  SavedViewList,
} from "../src/browser/saved-views";

const KEY = "logstream.views";
let stored: Map<string, string>;
let tell: (key: string | null) => void;

const storage = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
};
const others = {
  addEventListener: (_type: string, listener: (event: StorageEvent) => void) => {
    tell = (key) => listener({ key } as StorageEvent);
  },
} as Pick<Window, "addEventListener">;

function opened(store: ConstructorParameters<typeof SavedViewList>[0] = storage): SavedViewList {
  return new SavedViewList(store, others);
}

beforeEach(() => {
  stored = new Map();
});

test("views are kept by name, also over a reload", () => {
  const list = opened();
  expect(list.save({ name: "b", search: "?q=b" })).toBe(true);
  expect(list.save({ name: "a", search: "" })).toBe(true);
  expect(opened().snapshot()).toEqual([
    { name: "a", search: "" },
    { name: "b", search: "?q=b" },
  ]);
});

test("one of the same name is replaced, and one can be removed", () => {
  const list = opened();
  list.save({ name: "a", search: "?q=1" });
  expect([list.has("a"), list.has("b")]).toEqual([true, false]);
  list.save({ name: "a", search: "?q=2" });
  expect(list.snapshot()).toEqual([{ name: "a", search: "?q=2" }]);
  list.remove("a");
  expect(opened().snapshot()).toEqual([]);
});

test("when they are full a new one is refused, a replacement is not", () => {
  const list = opened();
  for (let at = 0; at < MAX_VIEWS; at++) list.save({ name: `${at}`, search: "" });
  expect(list.save({ name: "one more", search: "" })).toBe(false);
  expect(list.snapshot()).toHaveLength(MAX_VIEWS);
  expect(list.save({ name: "0", search: "?q=x" })).toBe(true);
});

test("what is too long is refused", () => {
  const list = opened();
  expect(list.save({ name: "n".repeat(MAX_NAME_CHARACTERS + 1), search: "" })).toBe(false);
  expect(list.save({ name: "n", search: `?${"s".repeat(MAX_SEARCH_CHARACTERS)}` })).toBe(false);
  expect(list.snapshot()).toEqual([]);
  expect(list.save({ name: "n".repeat(MAX_NAME_CHARACTERS), search: "" })).toBe(true);
});

test.each([
  null,
  "",
  "{",
  "null",
  '{"name":"a","search":""}',
  '[1,null,{"name":""},{"name":"a"},{"name":"a","search":"https://elsewhere"}]',
])("a storage of %j has no view in it", (text) => {
  expect(readViews(text)).toEqual([]);
});

test("of a stored list only the views are read, a name once, and no more than fit", () => {
  const text = JSON.stringify([
    1,
    { name: "n".repeat(MAX_NAME_CHARACTERS + 1), search: "" },
    { name: "a", search: "?q=1" },
    { name: "a", search: "?q=2" },
  ]);
  expect(readViews(text)).toEqual([{ name: "a", search: "?q=2" }]);
  const many = Array.from({ length: MAX_VIEWS + 5 }, (_, at) => ({ name: `${at}`, search: "" }));
  expect(readViews(JSON.stringify(many))).toHaveLength(MAX_VIEWS);
});

test("what another window saves is seen, what else it stores is not asked about", () => {
  const list = opened();
  let notified = 0;
  const stop = list.subscribe(() => notified++);
  stored.set(KEY, '[{"name":"theirs","search":"?q=t"}]');
  tell("logstream.theme");
  expect([notified, list.has("theirs")]).toEqual([0, false]);
  tell(KEY);
  expect([notified, list.has("theirs")]).toEqual([1, true]);
  stored.clear();
  tell(null);
  expect([notified, list.has("theirs")]).toEqual([2, false]);
  stop();
  tell(null);
  expect(notified).toBe(2);
});

test("a full browser is said and changes nothing; without a storage views hold for now", () => {
  const full = opened({
    getItem: () => null,
    setItem: () => {
      throw new DOMException("full", "QuotaExceededError");
    },
  });
  expect(full.save({ name: "a", search: "" })).toBe(false);
  expect(full.snapshot()).toEqual([]);
  const none = opened(null);
  expect(none.save({ name: "a", search: "" })).toBe(true);
  expect(none.has("a")).toBe(true);
});
