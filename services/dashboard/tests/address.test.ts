/** The address, and times on the reader's clock. */
import { expect, test, vi } from "vitest";
import { Address } from "../src/browser/address";
import { clockTime, dateTime } from "../src/records/clock-time";
import { fieldOf, timeOfField } from "../src/records/field-time";
import { FIRST_VIEW, type View } from "../src/records/view";

class ExampleWindow extends EventTarget {
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
  const window = new ExampleWindow();
  const visited: View[] = [];
  const address = new Address(window as unknown as Window, (view) => visited.push(view));
  expect(address.view).toEqual(searching("first"));
  address.write(searching("a"), true);
  vi.advanceTimersByTime(500);
  address.write(searching("ab"), true);
  address.write(searching("ab"), false);
  address.write(FIRST_VIEW, false);
  vi.advanceTimersByTime(60_000);
  address.write(searching("c"), true);
  expect(window.steps).toEqual(["push /?q=a", "replace /?q=ab", "push /", "push /?q=c"]);
  window.location = { ...window.location, search: "?q=back" };
  window.dispatchEvent(new Event("popstate"));
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
