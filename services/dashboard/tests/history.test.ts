import { afterEach, expect, test, vi } from "vitest";
import { HistoryError, pageOf, problemOf, readPage } from "../src/history/history";
import { exampleRecord } from "./example-records";

afterEach(() => vi.unstubAllGlobals());

const signal = () => new AbortController().signal;

function answer(body: string, status = 200): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address);
    return new Response(body, { status });
  });
  return asked;
}

test("a page of records and where to read on", async () => {
  const asked = answer(JSON.stringify({ records: [exampleRecord(1, 1)], next_cursor: "c" }));
  const page = await readPage({ q: "a b&c", limit: "5" }, signal());
  expect(asked).toEqual(["/api/logs?q=a+b%26c&limit=5"]);
  expect(page).toEqual({ records: [exampleRecord(1, 1)], nextCursor: "c" });
});

test("the last page has no cursor", () => {
  expect(pageOf({ records: [], next_cursor: null })).toEqual({ records: [], nextCursor: null });
});

test.each([[null], [{}], [{ records: 5, next_cursor: null }], [{ records: [], next_cursor: 5 }]])(
  "%j is no page",
  (body) => {
    expect(pageOf(body)).toBeNull();
  },
);

test("an answer that is no page is an error, not an empty list", async () => {
  answer("<html>");
  await expect(readPage({}, signal())).rejects.toThrow(HistoryError);
});

test("an error says what the server says, every problem of it", () => {
  const error = problemOf(400, {
    title: "Invalid parameters",
    detail: "2 parameters can't be used",
    problems: [
      { name: "limit", value: "x", expected: "a number" },
      { name: "end", value: "y", expected: "a time" },
    ],
  });
  expect(error.title).toBe("Invalid parameters");
  expect(error.details).toEqual(["2 parameters can't be used", "limit=x: expected a number", "end=y: expected a time"]);
});

test("an error without a readable body says its status", () => {
  expect(problemOf(502, null).details).toEqual(["HTTP status 502"]);
});

test("no answer at all is an error that says so", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("network")));
  await expect(readPage({}, signal())).rejects.toThrow("The server can't be reached");
});

test("an aborted request rejects as aborted, not as an error to show", async () => {
  const controller = new AbortController();
  vi.stubGlobal("fetch", () => {
    controller.abort();
    return Promise.reject(controller.signal.reason);
  });
  await expect(readPage({}, controller.signal)).rejects.toMatchObject({ name: "AbortError" });
});
