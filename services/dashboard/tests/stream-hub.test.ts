import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANY_TURN, type FromHub, GONE_MS, type Reply, type WatchMessage } from "../src/live/protocol";
import { StreamHub } from "../src/live/stream-hub";
import { ExampleSource } from "./example-source";

let hub: StreamHub;
let sources: ExampleSource[];

beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  hub = new StreamHub({
    open: (url) => {
      const source = new ExampleSource(url);
      sources.push(source);
      return source as unknown as EventSource;
    },
  });
});

afterEach(() => {
  vi.useRealTimers();
});

class ExampleWindow {
  readonly replies: Reply[] = [];
  readonly #send = (reply: Reply) => this.replies.push(reply);

  watch(query: string, more: Partial<WatchMessage> = {}): void {
    const message: WatchMessage = {
      kind: "watch",
      turn: 1,
      query,
      after: "",
      visible: true,
      multiplexed: false,
      ...more,
    };
    hub.receive(this, message, this.#send);
  }

  says(kind: "leave" | "alive" | "online"): void {
    hub.receive(this, { kind }, this.#send);
  }

  isVisible(visible: boolean): void {
    hub.receive(this, { kind: "visible", visible }, this.#send);
  }

  /** What was said since the last call. */
  heard(): string[] {
    return this.replies.splice(0).map(({ message }) => textOf(message));
  }
}

function textOf(message: FromHub): string {
  if (message.kind === "event") return `${message.name} ${message.data}`;
  if (message.kind === "link") return message.link;
  return message.kind === "live" ? (message.continued ? "live on" : "live anew") : message.kind;
}

const open = () => sources.filter(({ readyState }) => readyState !== 2);
const source = (index: number) => sources[index] as ExampleSource;

test("windows of one query share a connection and all hear the same", () => {
  const [a, b] = [new ExampleWindow(), new ExampleWindow()];
  a.watch("q=x");
  b.watch("q=x");
  expect(sources.map(({ url }) => url)).toEqual(["/stream?recent=0&q=x"]);
  source(0).opens();
  source(0).sends("live", "{}");
  source(0).sends("logs", "[1]", "e:1");
  expect(a.heard()).toEqual(["connecting", "live", "live anew", "logs [1]"]);
  expect(b.heard()).toEqual(["connecting", "live", "live anew", "logs [1]"]);
});

test("a window that comes later hears from now on", () => {
  const [a, b] = [new ExampleWindow(), new ExampleWindow()];
  a.watch("");
  source(0).opens();
  source(0).sends("live", "{}");
  source(0).sends("logs", "[1]", "e:1");
  b.watch("");
  expect(b.heard()).toEqual(["live", "live anew"]);
  source(0).sends("logs", "[2]", "e:2");
  expect(b.heard()).toEqual(["logs [2]"]);
  expect(sources).toHaveLength(1);
});

test("a window that comes back hears what it missed, and only that", () => {
  const [a, b] = [new ExampleWindow(), new ExampleWindow()];
  a.watch("");
  source(0).sends("live", "{}");
  for (const id of ["e:1", "e:2", "e:3"]) source(0).sends("logs", id, id);
  source(0).sends("dropped", "d", "e:3");
  b.watch("", { after: "e:2" });
  expect(b.heard()).toEqual(["connecting", "logs e:3", "dropped d", "live on"]);
  const c = new ExampleWindow();
  c.watch("", { after: "long gone" });
  expect(c.heard()).toEqual(["connecting", "live anew"]);
});

test("only so much is kept for those who come back", () => {
  const [a, b, c] = [new ExampleWindow(), new ExampleWindow(), new ExampleWindow()];
  a.watch("");
  source(0).sends("live", "{}");
  const large = "x".repeat(900_000);
  for (const id of ["e:1", "e:2", "e:3", "e:4"]) source(0).sends("logs", large, id);
  b.watch("", { after: "e:1" });
  expect(b.heard()).toEqual(["connecting", "live anew"]);
  c.watch("", { after: "e:2" });
  expect(c.heard()).toEqual(["connecting", `logs ${large}`, `logs ${large}`, "live on"]);
});

test("the first that comes back to a closed stream has it opened after its id", () => {
  const a = new ExampleWindow();
  a.watch("q=x", { after: "e:7" });
  source(0).sends("live", "{}");
  expect(sources.map(({ url }) => url)).toEqual(["/stream?recent=0&q=x&after=e%3A7"]);
  expect(a.heard()).toEqual(["connecting", "live on"]);
});

test("the last window to leave closes the stream", () => {
  const [a, b] = [new ExampleWindow(), new ExampleWindow()];
  a.watch("");
  b.watch("");
  a.says("leave");
  expect(open()).toHaveLength(1);
  b.watch("q=other");
  expect(open().map(({ url }) => url)).toEqual(["/stream?recent=0&q=other"]);
});

test("everything that is said carries the turn of the watch it is about", () => {
  const a = new ExampleWindow();
  a.watch("", { turn: 4 });
  source(0).sends("logs", "[1]", "e:1");
  a.watch("q=x", { turn: 5 });
  source(1).sends("logs", "[2]", "e:2");
  expect(a.replies.map(({ turn, message }) => [turn, textOf(message)])).toEqual([
    [4, "connecting"],
    [4, "logs [1]"],
    [5, "connecting"],
    [5, "logs [2]"],
  ]);
});

test("a fifth stream waits until one is closed", () => {
  const windows = [1, 2, 3, 4, 5].map(() => new ExampleWindow());
  windows.forEach((window, index) => {
    window.watch(`q=${index}`);
  });
  expect(open()).toHaveLength(4);
  expect(windows[4]?.heard()).toEqual(["crowded"]);
  windows[0]?.says("leave");
  expect(open().map(({ url }) => url)).toContain("/stream?recent=0&q=4");
  expect(windows[4]?.heard()).toEqual(["connecting"]);
});

test("a stream that nobody sees gives way to one that somebody does", () => {
  const windows = [1, 2, 3, 4, 5].map(() => new ExampleWindow());
  windows.slice(0, 4).forEach((window, index) => {
    window.watch(`q=${index}`);
  });
  windows[1]?.isVisible(false);
  windows[4]?.watch("q=4");
  expect(open().map(({ url }) => url)).toEqual([0, 2, 3, 4].map((index) => `/stream?recent=0&q=${index}`));
  // Seen again, it has to ask again.
  windows[1]?.says("alive");
  expect(windows[1]?.heard().at(-1)).toBe("unknown");
});

test("a window that nobody sees waits without a word when all streams are seen", () => {
  const windows = [1, 2, 3, 4, 5].map(() => new ExampleWindow());
  windows.forEach((window, index) => {
    window.watch(`q=${index}`, { visible: index < 4 });
  });
  expect(open()).toHaveLength(4);
  expect(windows[4]?.heard()).toEqual([]);
});

test("over HTTP/2 streams need not wait", () => {
  for (let index = 0; index < 10; index += 1) new ExampleWindow().watch(`q=${index}`, { multiplexed: true });
  expect(open()).toHaveLength(10);
});

test("a window that says nothing any more is forgotten, and told so should it wake", () => {
  const [a, b] = [new ExampleWindow(), new ExampleWindow()];
  a.watch("q=a");
  b.watch("q=b");
  for (let passed = 0; passed < GONE_MS + 10_000; passed += 5000) {
    vi.advanceTimersByTime(5000);
    b.says("alive");
  }
  expect(open().map(({ url }) => url)).toEqual(["/stream?recent=0&q=b"]);
  a.heard();
  a.says("alive");
  expect(a.replies).toEqual([{ turn: ANY_TURN, message: { kind: "unknown" } }]);
});

test("a stream that begins anew tells everyone", () => {
  const [a, b] = [new ExampleWindow(), new ExampleWindow()];
  a.watch("");
  source(0).sends("live", "{}");
  source(0).sends("logs", "[1]");
  source(0).breaks();
  source(0).sends("live", "{}");
  source(0).sends("logs", "[2]", "e:2");
  expect(a.heard()).toEqual(["connecting", "live anew", "logs [1]", "lost", "live anew", "logs [2]"]);
  b.watch("", { after: "e:1" });
  expect(b.heard().at(-1)).toBe("live anew");
});
