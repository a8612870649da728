import { afterEach, expect, test, vi } from "vitest";
import { BrokenExport, type ExportProgress, exportAddress, type Format, runExport } from "../src/history/export";
import { ServerError } from "../src/history/request";
import { ALL_TIME, EVERYTHING } from "../src/records/filter";

const END = '{"logstream_export": {"records": 2, "complete": false, "next_cursor": "abc"}}\n';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** The answer in pieces of so many bytes. */
function answers(text: string, pieceBytes: number, { status = 200, headers = {}, breaks = false } = {}): void {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at + pieceBytes));
      else if (breaks) controller.error(new TypeError("network"));
      else controller.close();
      at += pieceBytes;
    },
  });
  vi.stubGlobal("fetch", async () => new Response(body, { status, headers }));
}

async function run(format: Format, abort = new AbortController()) {
  const written: Uint8Array[] = [];
  const progress: ExportProgress[] = [];
  const sink = {
    write: async (bytes: Uint8Array<ArrayBuffer>) => {
      written.push(bytes);
    },
  };
  const end = await runExport({
    address: "/api/logs/export",
    format,
    sink,
    onProgress: (at) => progress.push(at),
    signal: abort.signal,
  });
  return { end, progress, text: Buffer.concat(written).toString("utf8") };
}

test.each([1, 2, 7, 1000])(
  "NDJSON in pieces of %i bytes: records counted, the end read, every byte kept",
  async (size) => {
    const text = `{"message":"é\\n"}\n{"message":"b"}\n${END}`;
    answers(text, size, { headers: { "X-Logstream-Matching-Records": "9" } });
    const { end, progress, text: written } = await run("ndjson");
    expect(end).toEqual({
      records: 2,
      bytes: Buffer.byteLength(text),
      matching: 9,
      complete: false,
      nextCursor: "abc",
    });
    expect(written).toBe(text);
    expect(progress.at(-1)?.bytes).toBe(Buffer.byteLength(text));
  },
);

test.each([1, 3, 1000])("CSV in pieces of %i bytes: rows counted, not line breaks inside of quotes", async (size) => {
  answers('time,message\r\n1,"a\nb ""c""\n"\r\n2,d\r\n', size);
  const { end } = await run("csv");
  expect(end).toMatchObject({ records: 2, matching: null, complete: null, nextCursor: null });
});

test.each([
  ["3", null, true],
  ["2", null, null],
  ["2", "2", true],
  ["2", "9", false],
  [null, "9", null],
])("CSV of 2 rows where %s were allowed and %s match: complete is %s", async (most, matching, complete) => {
  const headers: Record<string, string> = {};
  if (most !== null) headers["X-Logstream-Max-Records"] = most;
  if (matching !== null) headers["X-Logstream-Matching-Records"] = matching;
  answers("time,message\r\n1,a\r\n2,b\r\n", 4, { headers });
  const { end } = await run("csv");
  expect(end).toMatchObject({ records: 2, complete });
});

test.each<[Format, string]>([
  ["ndjson", '{"message":"a"}\n'],
  ["ndjson", `{"message":"a"}\n${END.slice(0, 20)}`],
  ["ndjson", ""],
  ["csv", 'time,message\r\n1,"cut'],
  ["csv", "time,message\r\n1,cut"],
  ["csv", ""],
])("an export that does not end as one is broken: %s %j", async (format, text) => {
  answers(text, 5);
  await expect(run(format)).rejects.toBeInstanceOf(BrokenExport);
});

test("a connection that breaks is a broken export, a refusal the server's error", async () => {
  answers('{"message":"a"}\n', 100, { breaks: true });
  await expect(run("ndjson")).rejects.toBeInstanceOf(BrokenExport);
  answers('{"title":"Invalid parameters"}', 100, { status: 400 });
  await expect(run("ndjson")).rejects.toMatchObject({ kind: "refused", title: "Invalid parameters" });
  await expect(run("ndjson")).rejects.toBeInstanceOf(ServerError);
});

test("stopped, it is neither", async () => {
  const abort = new AbortController();
  answers(`${'{"message":"a"}\n'.repeat(50)}${END}`, 16);
  vi.stubGlobal("fetch", async (_address: string, { signal }: RequestInit) => {
    const body = new ReadableStream({
      pull: (controller) => void signal?.addEventListener("abort", () => controller.error(signal.reason)),
    });
    return new Response(body);
  });
  const running = run("ndjson", abort);
  setTimeout(() => abort.abort(), 5);
  await expect(running).rejects.toMatchObject({ name: "AbortError" });
});

test("the address means the view", () => {
  const filter = { ...EVERYTHING, levels: ["error"], text: "a b" };
  const choice = { format: "csv", order: "asc", maxRecords: "10", cursor: "x" } as const;
  expect(exportAddress(filter, { start: "-1h", end: "" }, choice)).toBe(
    "/api/logs/export?level=error&q=a+b&start=-1h&format=csv&order=asc&max_records=10&cursor=x",
  );
  expect(exportAddress(EVERYTHING, ALL_TIME, { format: "ndjson", order: "desc", maxRecords: "", cursor: null })).toBe(
    "/api/logs/export?format=ndjson&order=desc",
  );
});
