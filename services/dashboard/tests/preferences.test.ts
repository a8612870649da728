import { beforeEach, expect, test } from "vitest";
import { Preferences } from "../src/browser/preferences";

let stored: Map<string, string>;
let root: { dataset: DOMStringMap; lang: string };

const storage = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
};

function opened(spoken: readonly string[] = ["en-GB"]): Preferences {
  root = { dataset: {}, lang: "" };
  return new Preferences(storage, root, spoken);
}

beforeEach(() => {
  stored = new Map();
});

test("without a choice the system decides", () => {
  expect(opened().snapshot()).toEqual({ theme: "system", language: "en", zone: "local" });
  expect(root.dataset.theme).toBeUndefined();
  expect(root.lang).toBe("en");
});

test.each([
  [["ko-KR", "en"], "ko"],
  [["fr", "KO"], "ko"],
  [["fr", "de"], "en"],
  [[], "en"],
])("of the browser's languages %j the page speaks %s", (spoken, language) => {
  expect(opened(spoken).snapshot().language).toBe(language);
  expect(root.lang).toBe(language);
});

test("choices hold at once and after a reload", () => {
  opened().choose({ theme: "dark", language: "ko" });
  expect(root).toMatchObject({ dataset: { theme: "dark" }, lang: "ko" });
  opened().choose({ zone: "utc" });
  expect(opened().snapshot()).toEqual({ theme: "dark", language: "ko", zone: "utc" });
  expect(root).toMatchObject({ dataset: { theme: "dark" }, lang: "ko" });
});

test("the theme can be given back to the system", () => {
  const preferences = opened();
  preferences.choose({ theme: "light" });
  preferences.choose({ theme: "system" });
  expect(root.dataset.theme).toBeUndefined();
  expect(opened().snapshot().theme).toBe("system");
});

test("what is stored and is no choice is overlooked", () => {
  stored.set("logstream.theme", "pink").set("logstream.language", "xx").set("logstream.zone", "");
  expect(opened().snapshot()).toEqual({ theme: "system", language: "en", zone: "local" });
});

test("who observes is told, until it stops", () => {
  const preferences = opened();
  const seen: string[] = [];
  const stop = preferences.subscribe(() => seen.push(preferences.snapshot().zone));
  preferences.choose({ zone: "utc" });
  stop();
  preferences.choose({ zone: "local" });
  expect(seen).toEqual(["utc"]);
});

test("without a storage a choice holds for now", () => {
  root = { dataset: {}, lang: "" };
  const preferences = new Preferences(null, root, []);
  preferences.choose({ theme: "dark" });
  expect(preferences.snapshot().theme).toBe("dark");
  expect(root.dataset.theme).toBe("dark");
});

test("a storage without room: the choice holds until the page is closed", () => {
  root = { dataset: {}, lang: "" };
  const full = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  const preferences = new Preferences({ ...storage, setItem: full }, root, []);
  preferences.choose({ theme: "dark" });
  expect(root.dataset.theme).toBe("dark");
});
