import { beforeEach, expect, test } from "vitest";
import { Theme } from "../src/theme";

let stored: Map<string, string>;
let root: { dataset: DOMStringMap };

const storage = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
};

beforeEach(() => {
  stored = new Map();
  root = { dataset: {} };
});

test("without a choice the system decides", () => {
  expect(new Theme(storage, root).choice).toBe("system");
  expect(root.dataset.theme).toBeUndefined();
});

test("a choice holds at once and after a reload", () => {
  new Theme(storage, root).choose("dark");
  expect(root.dataset.theme).toBe("dark");
  root = { dataset: {} };
  expect(new Theme(storage, root).choice).toBe("dark");
  expect(root.dataset.theme).toBe("dark");
});

test("the choice can be given back to the system", () => {
  const theme = new Theme(storage, root);
  theme.choose("light");
  theme.choose("system");
  expect(root.dataset.theme).toBeUndefined();
  expect(new Theme(storage, root).choice).toBe("system");
});

test("without a storage a choice holds for now", () => {
  new Theme(null, root).choose("dark");
  expect(root.dataset.theme).toBe("dark");
});
