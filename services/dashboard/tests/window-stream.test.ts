import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ALIVE_MS, ANY_TURN, type FromHub, type Reply, type ToHub } from "../src/live/protocol";
import { HIDDEN_MS, WindowStream } from "../src/live/window-stream";

class ExamplePage extends EventTarget {
  visibilityState: "visible" | "hidden" = "visible";

  becomes(state: "visible" | "hidden"): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

let page: ExamplePage;
let browser: EventTarget;
let sent: ToHub[];
let heard: string[];
let reply: (reply: Reply) => void;
let stream: WindowStream;

beforeEach(() => {
  vi.useFakeTimers();
  page = new ExamplePage();
  browser = new EventTarget();
  sent = [];
  heard = [];
  make();
});

afterEach(() => {
  vi.useRealTimers();
});

function make(): void {
  const listener = {
    onEvent: (name: string, data: string) => heard.push(`${name} ${data}`),
    onLive: (continued: boolean) => heard.push(continued ? "live on" : "live anew"),
    onState: (state: string) => heard.push(state),
    onResume: () => heard.push("resume"),
  };
  stream = new WindowStream({
    listener,
    connect: (onReply) => {
      reply = onReply;
      return { send: (message) => sent.push(message) };
    },
    page: page as unknown as Document,
    browser: browser as unknown as Window,
    multiplexed: false,
  });
}

const says = (message: FromHub, turn = lastTurn()) => reply({ turn, message });
const event = (data: string, id: string): FromHub => ({ kind: "event", name: "logs", data, id });
const watches = () => sent.filter((message) => message.kind === "watch");
const lastTurn = () => watches().at(-1)?.turn ?? 0;
const kinds = () => sent.map(({ kind }) => kind);

test("watches a query and hands on what is said", () => {
  stream.watch("q=x");
  says({ kind: "link", link: "live" });
  says({ kind: "live", continued: false });
  says(event("[1]", "e:1"));
  expect(watches()).toMatchObject([{ query: "q=x", after: "", visible: true }]);
  expect(heard).toEqual(["connecting", "live", "live anew", "logs [1]"]);
});

test("what was on its way for an earlier query is overlooked", () => {
  stream.watch("q=x");
  says(event("[1]", "e:1"));
  const before = lastTurn();
  stream.watch("q=y");
  says(event("[old]", "e:1"), before);
  says(event("[new]", "e:2"));
  expect(heard).toEqual(["connecting", "logs [1]", "connecting", "logs [new]"]);
  expect(watches().at(-1)).toMatchObject({ query: "q=y", after: "" });
});

test("a glance at another tab keeps the stream", () => {
  stream.watch("");
  page.becomes("hidden");
  vi.advanceTimersByTime(HIDDEN_MS - 1);
  page.becomes("visible");
  vi.advanceTimersByTime(HIDDEN_MS);
  expect(kinds()).not.toContain("leave");
  expect(sent.filter(({ kind }) => kind === "visible")).toMatchObject([{ visible: false }, { visible: true }]);
});

test("hidden for longer it lets go, and goes on after the last id once it is seen", () => {
  stream.watch("q=x");
  says(event("[1]", "e:1"));
  page.becomes("hidden");
  vi.advanceTimersByTime(HIDDEN_MS);
  expect(kinds().at(-1)).toBe("leave");
  says(event("[late]", "e:2"));
  page.becomes("visible");
  expect(watches().at(-1)).toMatchObject({ query: "q=x", after: "e:1" });
  expect(heard).toEqual(["connecting", "logs [1]", "hidden", "resume", "connecting"]);
});

test("a view that is chosen while hidden is watched once it is seen", () => {
  stream.watch("q=x");
  page.becomes("hidden");
  vi.advanceTimersByTime(HIDDEN_MS);
  stream.watch("q=y");
  expect(watches()).toHaveLength(1);
  page.becomes("visible");
  expect(watches().at(-1)).toMatchObject({ query: "q=y", after: "" });
});

test("a tab that was opened hidden lets go as well", () => {
  page.visibilityState = "hidden";
  make();
  stream.watch("");
  vi.advanceTimersByTime(HIDDEN_MS);
  expect(kinds().at(-1)).toBe("leave");
});

test("a page in the browser's cache holds nothing, and goes on when it is shown again", () => {
  stream.watch("");
  browser.dispatchEvent(new Event("pagehide"));
  expect(kinds().at(-1)).toBe("leave");
  browser.dispatchEvent(new Event("pageshow"));
  expect(watches()).toHaveLength(2);
});

test("it says that it is alive while it watches, and only then", () => {
  vi.advanceTimersByTime(ALIVE_MS);
  expect(sent).toEqual([]);
  stream.watch("");
  vi.advanceTimersByTime(2 * ALIVE_MS);
  expect(kinds().filter((kind) => kind === "alive")).toHaveLength(2);
  stream.watch(null);
  sent.length = 0;
  vi.advanceTimersByTime(2 * ALIVE_MS);
  expect(sent).toEqual([]);
});

test("forgotten by the hub, it asks again after the last id", () => {
  stream.watch("");
  says(event("[1]", "e:1"));
  says({ kind: "unknown" }, ANY_TURN);
  expect(watches().at(-1)).toMatchObject({ after: "e:1" });
  expect(heard.slice(-2)).toEqual(["resume", "connecting"]);
});

test("back online, the hub is told to try now", () => {
  stream.watch("");
  browser.dispatchEvent(new Event("online"));
  expect(kinds().at(-1)).toBe("online");
  sent.length = 0;
  stream.retryNow();
  expect(kinds()).toEqual(["online"]);
});
