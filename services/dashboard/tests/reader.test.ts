/** What the page keeps of its reader: choices, views, the address, times on the reader's clock. */
import { beforeEach, expect, test, vi } from "vitest";
import { Address } from "../src/address";
import { Preferences } from "../src/preferences";
import { clockTime, dateTime } from "../src/records/clock-time";
import { fieldOf, timeOfField } from "../src/records/field-time";
import { FIRST_VIEW, type View } from "../src/records/view";
import { LONGEST_NAME, MOST_VIEWS, readViews, SavedViewList } from "../src/saved-views";
import { gatewayAddress } from "../src/site";

class ExampleStorage {
  readonly values = new Map<string, string>();
  full = false;
  getItem = (key: string) => this.values.get(key) ?? null;
  removeItem = (key: string) => void this.values.delete(key);
  setItem = (key: string, value: string) => {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.values.set(key, value);
  };
}

let storage: ExampleStorage;

beforeEach(() => {
  storage = new ExampleStorage();
});

const root = () => ({ dataset: {} as DOMStringMap, lang: "" });

test("choices: the system's until the reader chooses, then kept", () => {
  const page = root();
  const preferences = new Preferences(storage, page, ["fr-FR", "ko-KR", "en"]);
  expect(preferences.snapshot()).toEqual({ theme: "system", language: "ko", zone: "local" });
  expect(page).toEqual({ dataset: {}, lang: "ko" });
  preferences.choose({ theme: "dark", language: "en" });
  expect(page).toEqual({ dataset: { theme: "dark" }, lang: "en" });
  preferences.choose({ zone: "utc" });

  const later = root();
  expect(new Preferences(storage, later, ["ko"]).snapshot()).toEqual({ theme: "dark", language: "en", zone: "utc" });
  expect(later).toEqual({ dataset: { theme: "dark" }, lang: "en" });
});

test("choices: damaged ones and a browser without storage", () => {
  storage.setItem("logstream.theme", "purple");
  expect(new Preferences(storage, root(), ["xx"]).snapshot()).toEqual({
    theme: "system",
    language: "en",
    zone: "local",
  });
  const page = root();
  const preferences = new Preferences(null, page, []);
  preferences.choose({ theme: "light" });
  expect(page.dataset.theme).toBe("light");
  preferences.choose({ theme: "system" });
  expect(page.dataset.theme).toBeUndefined();
});

test("choices: observers are told", () => {
  const preferences = new Preferences(storage, root(), []);
  const told = vi.fn();
  const leave = preferences.subscribe(told);
  preferences.choose({ zone: "utc" });
  leave();
  preferences.choose({ zone: "local" });
  expect(told).toHaveBeenCalledTimes(1);
});

test("views: saved by name, replaced, removed, found again", () => {
  const views = new SavedViewList(storage, new EventTarget() as Window);
  expect(views.save({ name: "b", search: "?q=b" })).toBe(true);
  views.save({ name: "a", search: "" });
  views.save({ name: "b", search: "?q=2" });
  expect(views.has("b")).toBe(true);
  views.save({ name: "c", search: "?q=c" });
  views.remove("c");
  expect(new SavedViewList(storage, new EventTarget() as Window).snapshot()).toEqual([
    { name: "a", search: "" },
    { name: "b", search: "?q=2" },
  ]);
});

test("views: so many and no more, and none that the browser has no room for", () => {
  const views = new SavedViewList(storage, new EventTarget() as Window);
  for (let index = 0; index < MOST_VIEWS; index += 1) views.save({ name: `v${index}`, search: "" });
  expect(views.save({ name: "one more", search: "" })).toBe(false);
  expect(views.save({ name: "v0", search: "?q=x" })).toBe(true);
  storage.full = true;
  expect(views.save({ name: "v0", search: "?q=y" })).toBe(false);
  expect(views.snapshot().find(({ name }) => name === "v0")?.search).toBe("?q=x");
});

test("views: what another window saves is seen", () => {
  const others = new EventTarget();
  const views = new SavedViewList(storage, others as Window);
  const told = vi.fn();
  views.subscribe(told);
  storage.setItem("logstream.views", '[{"name":"theirs","search":"?q=1"}]');
  others.dispatchEvent(Object.assign(new Event("storage"), { key: "other" }));
  expect(told).not.toHaveBeenCalled();
  others.dispatchEvent(Object.assign(new Event("storage"), { key: "logstream.views" }));
  expect(views.snapshot().map(({ name }) => name)).toEqual(["theirs"]);
  expect(told).toHaveBeenCalledTimes(1);
});

test.each([null, "", "no json", "7", '{"a":1}', '[1,null,{"name":""},{"name":"a","search":"javascript:alert(1)"}]'])(
  "views: nothing of a damaged storage is taken: %s",
  (stored) => {
    expect(readViews(stored)).toEqual([]);
    expect(LONGEST_NAME).toBeGreaterThan(10);
  },
);

class ExamplePlaces extends EventTarget {
  readonly steps: string[] = [];
  location = { search: "?q=first", pathname: "/", origin: "http://logs" };
  history = {
    pushState: (_state: unknown, _title: string, address: string) => this.#go("push", address),
    replaceState: (_state: unknown, _title: string, address: string) => this.#go("replace", address),
  };

  #go(how: string, address: string): void {
    this.steps.push(`${how} ${address}`);
    this.location = { ...this.location, search: address.slice(1) };
  }
}

const searching = (text: string): View => ({ ...FIRST_VIEW, filter: { ...FIRST_VIEW.filter, text } });

test("address: a step for each change, one for what is typed at once, and the way back", () => {
  vi.useFakeTimers();
  const places = new ExamplePlaces();
  const visited: View[] = [];
  const address = new Address(places as unknown as Window, (view) => visited.push(view));
  expect(address.view).toEqual(searching("first"));
  address.write(searching("a"), true);
  vi.advanceTimersByTime(500);
  address.write(searching("ab"), true);
  address.write(searching("ab"), false);
  address.write(FIRST_VIEW, false);
  vi.advanceTimersByTime(60_000);
  address.write(searching("c"), true);
  expect(places.steps).toEqual(["push /?q=a", "replace /?q=ab", "push /", "push /?q=c"]);
  places.location = { ...places.location, search: "?q=back" };
  places.dispatchEvent(new Event("popstate"));
  expect(visited).toEqual([searching("back")]);
  expect(address.linkOf({ ...searching("x"), record: "5" })).toBe("http://logs/?q=x&record=5");
  vi.useRealTimers();
});

test("times: on either clock, with the date unless it is today's", () => {
  const time = "2026-01-02T03:04:05.678901Z";
  expect(clockTime(time, "utc", new Date("2026-01-02T23:00:00Z"))).toBe("03:04:05.678");
  expect(clockTime(time, "utc", new Date("2026-01-03T00:00:00Z"))).toBe("2026-01-02 03:04:05.678");
  expect(dateTime(time, "utc")).toBe("2026-01-02 03:04:05");
});

test("times: the local clock differs from UTC by the zone", () => {
  vi.stubEnv("TZ", "Asia/Seoul");
  const time = "2026-01-02T23:04:05.678901Z";
  expect(dateTime(time, "local")).toBe("2026-01-03 08:04:05");
  expect(fieldOf(time, "local")).toBe("2026-01-03T08:04:05.678");
  expect(timeOfField("2026-01-03T08:04:05.678", "local")).toBe("2026-01-02T23:04:05.678000Z");
  vi.unstubAllEnvs();
});

test("times: fields of a form and back", () => {
  const time = "2026-01-02T03:04:05.678000Z";
  expect(timeOfField(fieldOf(time, "utc"), "utc")).toBe(time);
  expect(fieldOf("-15m", "utc")).toBe("");
  expect(fieldOf("", "utc")).toBe("");
  expect(timeOfField("", "utc")).toBe("");
  expect(timeOfField("2026-01-02T03:04", "utc")).toBe("2026-01-02T03:04:00.000000Z");
  expect(timeOfField("2026-13-40T99:00", "utc")).toBeNull();
});

test("the gateway's address: as configured, on the page's own host, or the usual port", async () => {
  const answers =
    (body: string, status = 200) =>
    async () =>
      new Response(body, { status });
  expect(await gatewayAddress("page.example", answers('{"gateway":"logs.example:443"}'))).toBe("logs.example:443");
  expect(await gatewayAddress("page.example", answers('{"gateway":":20030"}'))).toBe("page.example:20030");
  const usual = "page.example:4317";
  expect(await gatewayAddress("page.example", answers('{"gateway":""}'))).toBe(usual);
  expect(await gatewayAddress("page.example", answers("<html>", 200))).toBe(usual);
  expect(await gatewayAddress("page.example", answers("{}", 502))).toBe(usual);
  expect(await gatewayAddress("page.example", async () => Promise.reject(new TypeError("offline")))).toBe(usual);
});
