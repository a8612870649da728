import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { connectHub, type HubLink } from "../src/live/hub-link";
import type { Reply, ToHub, WatchMessage } from "../src/live/protocol";
import { ExampleSource } from "./example-source";

/** A shared worker that takes messages and says nothing by itself. */
class ExampleWorker {
  onerror: (() => void) | null = null;
  readonly taken: ToHub[] = [];
  readonly port = {
    onmessage: null as ((event: MessageEvent<Reply>) => void) | null,
    postMessage: (message: ToHub) => this.taken.push(message),
  };

  constructor() {
    workers.push(this);
  }

  says(reply: Reply): void {
    this.port.onmessage?.({ data: reply } as MessageEvent<Reply>);
  }
}

let workers: ExampleWorker[];
let replies: Reply[];
let hub: HubLink;

const watch: WatchMessage = { kind: "watch", turn: 1, query: "", after: "", visible: true, multiplexed: false };
const connecting: Reply = { turn: 1, message: { kind: "link", link: "connecting" } };
const unknown: Reply = { turn: -1, message: { kind: "unknown" } };
const worker = () => workers[0] as ExampleWorker;

beforeEach(() => {
  vi.useFakeTimers();
  workers = [];
  replies = [];
  vi.stubGlobal("window", {});
  vi.stubGlobal("SharedWorker", ExampleWorker);
  vi.stubGlobal("EventSource", ExampleSource);
  hub = connectHub((reply) => replies.push(reply));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a worker that answers stays the hub", () => {
  hub.send(watch);
  worker().says(connecting);
  vi.advanceTimersByTime(60_000);
  hub.send({ kind: "alive" });
  expect(replies).toEqual([connecting]);
  expect(worker().taken).toEqual([watch, { kind: "alive" }]);
});

test("the window's own hub takes over from a worker that does not answer", () => {
  hub.send(watch);
  vi.advanceTimersByTime(9000);
  expect(replies).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(replies).toEqual([unknown]);
  expect(worker().taken).toEqual([watch, { kind: "leave" }]);
  hub.send(watch);
  expect(replies).toEqual([unknown, connecting]);
  // Whatever it says now comes too late.
  worker().says(connecting);
  expect(replies).toHaveLength(2);
});

test("a worker has nothing to answer to a window that nobody sees", () => {
  hub.send({ ...watch, visible: false });
  vi.advanceTimersByTime(60_000);
  expect(replies).toEqual([]);
});

test("the window's own hub takes over from a worker that fails", () => {
  worker().onerror?.();
  hub.send(watch);
  expect(replies).toEqual([unknown, connecting]);
});
