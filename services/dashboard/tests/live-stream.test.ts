import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Connection, LiveStream } from "../src/live/live-stream";
import { type ExampleSource, exampleStream } from "./example-source";

let stream: LiveStream;
let sources: ExampleSource[];
let connections: Connection[];
let events: string[];

beforeEach(() => {
  vi.useFakeTimers();
  ({ stream, sources } = exampleStream());
  connections = [];
  events = [];
  stream.start({
    onConnection: (connection) => connections.push(connection),
    onEvent: (name, data) => events.push(`${name} ${data}`),
    onLive: (continued) => events.push(continued ? "live, continued" : "live, anew"),
  });
});

afterEach(() => {
  stream.stop();
  vi.useRealTimers();
});

const source = (index: number) => sources[index] as ExampleSource;

test("connects once and hands on every kind of event", () => {
  source(0).opens();
  for (const name of ["logs", "counts", "gap", "dropped", "status"]) source(0).sends(name, "{}");
  expect(sources.map(({ url }) => url)).toEqual(["/stream"]);
  expect(connections).toEqual(["connecting", "live"]);
  expect(events).toEqual(["logs {}", "counts {}", "gap {}", "dropped {}", "status {}"]);
});

test("leaves a broken connection to the browser, which resumes by itself", () => {
  source(0).opens();
  source(0).sends("live", "{}");
  // The browser tells of each try that fails.
  for (let attempt = 0; attempt < 4; attempt++) {
    source(0).breaks();
    vi.advanceTimersByTime(20_000);
  }
  expect(connections).toEqual(["connecting", "live", "lost", "lost", "lost", "lost"]);
  expect(sources).toHaveLength(1);
  source(0).opens();
  source(0).sends("logs", "[]", "e:1:0");
  expect(connections.at(-1)).toBe("live");
});

test("an answer that there is no stream is no connection: tries anew, with growing pauses, after the last id", () => {
  source(0).opens();
  source(0).sends("logs", "[]", "e:1:0");
  source(0).breaks();
  for (const [attempt, data] of [
    '{"stream":"unreachable"}',
    '{"stream":"full"}',
    '{"stream":"unreachable"}',
  ].entries()) {
    source(attempt).opens();
    source(attempt).sends("status", data, "e:1:0");
    expect(source(attempt).readyState).toBe(source(attempt).CLOSED);
    vi.advanceTimersByTime(2 ** attempt * 500 - 1);
    expect(sources).toHaveLength(attempt + 1);
    vi.advanceTimersByTime(15_000);
    expect(sources.map(({ url }) => url).at(-1)).toBe("/stream?after=e%3A1%3A0");
    expect(sources).toHaveLength(attempt + 2);
  }
  expect(connections).toEqual(["connecting", "live", "lost", "lost", "lost", "lost"]);
  expect(events).toEqual(["logs []"]);
  source(3).opens();
  source(3).sends("status", '{"broker":"down","recent":"up"}');
  expect(connections.at(-1)).toBe("live");
  expect(events.at(-1)).toBe('status {"broker":"down","recent":"up"}');
});

test("after a refusal opens a new source after the last id, whichever event brought it", () => {
  source(0).opens();
  source(0).sends("logs", "[]", "e:1:0");
  source(0).sends("counts", "{}", "e:2:0 &");
  source(0).fails();
  expect(connections.at(-1)).toBe("lost");
  vi.advanceTimersByTime(1000);
  expect(sources.map(({ url }) => url)).toEqual(["/stream", "/stream?after=e%3A2%3A0%20%26"]);
  source(1).opens();
  source(1).sends("counts", "{}", "e:2:0");
  expect(connections.at(-1)).toBe("live");
});

test("says whether what came before was missed: not when it asked to go on after an id", () => {
  source(0).opens();
  source(0).sends("live", "{}");
  source(0).breaks();
  source(0).sends("live", "{}");
  expect(events).toEqual(["live, anew", "live, anew"]);
  source(0).sends("counts", "{}", "e:2:0");
  // The browser sends the id itself.
  source(0).breaks();
  source(0).sends("live", "{}", "e:2:0");
  source(0).fails();
  vi.advanceTimersByTime(1000);
  source(1).sends("live", "{}");
  expect(events.slice(2)).toEqual(["counts {}", "live, continued", "live, continued"]);
});

test("an event without an id keeps the last id", () => {
  source(0).opens();
  source(0).sends("logs", "[]", "e:1:0");
  source(0).sends("status", "{}");
  source(0).fails();
  vi.advanceTimersByTime(1000);
  expect(source(1).url).toBe("/stream?after=e%3A1%3A0");
});

test("keeps trying, with growing pauses of at most 15 s", () => {
  for (let attempt = 0; attempt < 10; attempt++) {
    source(attempt).fails();
    vi.advanceTimersByTime(15_000);
    expect(sources).toHaveLength(attempt + 2);
  }
  source(10).fails();
  vi.advanceTimersByTime(7000);
  expect(sources).toHaveLength(11);
});

test("tries at once when told that the network is back", () => {
  for (let attempt = 0; attempt < 5; attempt++) {
    source(attempt).fails();
    vi.advanceTimersByTime(15_000);
  }
  source(5).fails();
  stream.retryNow();
  expect(sources).toHaveLength(7);
  vi.advanceTimersByTime(15_000);
  expect(sources).toHaveLength(7);
});

test("takes a stream that stopped counting for dead, and resumes", () => {
  source(0).opens();
  source(0).sends("counts", "{}", "e:1:0");
  vi.advanceTimersByTime(25_000);
  expect(sources).toHaveLength(1);
  vi.advanceTimersByTime(10_000);
  expect(connections.at(-1)).toBe("lost");
  expect(source(0).readyState).toBe(source(0).CLOSED);
  expect(source(1).url).toBe("/stream?after=e%3A1%3A0");
});

test("asks anew when a connection is not answered", () => {
  vi.advanceTimersByTime(25_000);
  expect(sources).toHaveLength(1);
  vi.advanceTimersByTime(10_000);
  expect(connections).toEqual(["connecting", "lost"]);
  expect(source(0).readyState).toBe(source(0).CLOSED);
  source(1).opens();
  source(1).sends("logs", "[]", "e:1:0");
  vi.advanceTimersByTime(60_000);
  expect(sources).toHaveLength(2);

  // Nor is the browser's own next one.
  source(1).breaks();
  vi.advanceTimersByTime(35_000);
  expect(sources.map(({ url }) => url)).toEqual(["/stream", "/stream", "/stream?after=e%3A1%3A0"]);
});

test("hears nothing of a source that was replaced", () => {
  source(0).opens();
  source(0).fails();
  vi.advanceTimersByTime(1000);
  source(1).opens();
  source(1).sends("live", "{}");
  source(0).sends("logs", "[]", "old");
  source(0).fails();
  expect(events).toEqual(["live, anew"]);
  expect(connections.at(-1)).toBe("live");
});

test("is quiet once stopped", () => {
  source(0).fails();
  stream.stop();
  vi.advanceTimersByTime(60_000);
  expect(sources).toHaveLength(1);
});
