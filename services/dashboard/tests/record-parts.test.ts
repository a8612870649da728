import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { copyText } from "../src/browser/copy";
import { RecordRow } from "../src/components/record/record-row";
import { StyledText } from "../src/components/text/styled-text";
import { readContext } from "../src/history/context";
import { ServerError } from "../src/history/request";
import type { LogRecord } from "../src/records/record";
import { recordTexts } from "../src/texts/record";
import { traceTexts } from "../src/texts/trace";
import { exampleRecord, exampleRecords } from "./example-records";

vi.mock("../src/components/preferences/preferences-context", () => ({
  useChoices: () => ({ theme: "dark", language: "en", zone: "utc" }),
  useTexts: (texts: { en: unknown }) => texts.en,
}));

afterEach(() => vi.unstubAllGlobals());

const ESC = "\u001b";
const actions = {
  include: () => {},
  search: () => {},
  openContext: () => {},
  openTrace: () => {},
  traceLinkOf: (traceId: string): string | null => `https://traces.example/${traceId}`,
  linkOf: (sequence: string) => `/?record=${sequence}`,
};

function row(record: LogRecord, expanded = false): string {
  const properties = { record, expanded, active: false, onToggle: () => {}, actions };
  return renderToStaticMarkup(createElement(RecordRow, properties));
}

test("styled text is text, its colours names, and what would hide a stand-in", () => {
  expect(renderToStaticMarkup(createElement(StyledText, { text: `${ESC}[31m<b>${ESC}[0m${ESC}]8;;http://x` }))).toBe(
    '<span class="ansi" data-color="red">&lt;b&gt;</span><span class="stand-in">ESC</span>]8;;http://x',
  );
});

test("a row shows no more of a message than a line could", () => {
  const long = row(exampleRecord(1, 1, { message: `${"a".repeat(599)}\u{1f600}${"b".repeat(100_000)}` }));
  expect(long.length).toBeLessThan(2_000);
  expect(long).not.toContain("U+D83D");
  expect(row(exampleRecord(1, 1, { message: "one\r\ntwo\nthree" }))).toContain("one⏎two⏎three");
});

test("a closed row is its line, an open one all of it", () => {
  const record = exampleRecord(7, 1, { message: "x".repeat(5_000), attributes: { user: "<i>" } });
  expect(row(record)).toContain('aria-expanded="false"');
  expect(row(record)).not.toContain("<table");
  const open = row(record, true);
  expect(open).toContain("x".repeat(5_000));
  expect(open).toContain('aria-label="Exclude records with user=&lt;i&gt;"');
});

test("a record with a trace id leads to its trace and to the tracing UI, others do not", () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const open = row(exampleRecord(1, 1, { attributes: { trace_id: traceId } }), true);
  expect(open).toContain(traceTexts.en.wholeTrace);
  expect(open).toContain(
    `href="https://traces.example/${traceId}" target="_blank" rel="noopener noreferrer" title="Opens in a new tab"`,
  );
  const other = row(exampleRecord(1, 1, { attributes: { trace_id: "4bf9" } }), true);
  expect(other).not.toContain(traceTexts.en.wholeTrace);
  expect(other).not.toContain("href");
});

test("what can't be asked for has a button that says why", () => {
  const disabled = (record: LogRecord) => row(record, true).match(/disabled=""[^>]*/g) ?? [];
  expect(disabled(exampleRecord(1, 1))).toEqual([]);
  const [button, ...others] = disabled(exampleRecord(1, 1, { node: "api-*" }));
  expect(others).toEqual([]);
  expect(button).toContain(
    renderToStaticMarkup(createElement("i", { title: recordTexts.en.notFilterable })).slice(10, 40),
  );
});

test("what a button shows is in the name it is called by", () => {
  for (const texts of [recordTexts.en, recordTexts.ko]) {
    expect(texts.onlyLabel("k=v").toLowerCase()).toContain(texts.only.toLowerCase());
    expect(texts.withoutLabel("k=v").toLowerCase()).toContain(texts.without.toLowerCase());
  }
});

function answer(status: number, body: unknown) {
  const fetch = vi.fn(async (_address: string) => new Response(JSON.stringify(body), { status }));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}
const ask = (newer: number, older: number) =>
  readContext({ sequence: "10", scope: "all", newer, older }, new AbortController().signal);

test("a side of the context ends only where fewer came than were asked for", async () => {
  const complete = { before: true, after: true };
  const body = { before: exampleRecords(8, 9), record: exampleRecord(10, 10), after: exampleRecords(11, 12), complete };
  const fetch = answer(200, body);
  expect((await ask(2, 3)).complete).toEqual({ newer: false, older: true });
  expect(fetch.mock.calls[0]?.[0]).toBe("/api/logs/10/context?before=3&after=2&scope=all");
  answer(200, { ...body, complete: { before: false, after: true } });
  expect((await ask(3, 3)).complete).toEqual({ newer: true, older: false });
});

test("a record that isn't stored is a 404 to tell apart", async () => {
  answer(404, { title: "Not Found" });
  const refused = await ask(1, 1).catch((error) => error);
  expect(refused).toBeInstanceOf(ServerError);
  expect(refused.status).toBe(404);
});

function page(copies: boolean) {
  const field = { value: "", className: "", select: vi.fn(), remove: vi.fn() };
  const execCommand = vi.fn(() => copies);
  const body = { append: vi.fn() };
  vi.stubGlobal("HTMLElement", class {});
  vi.stubGlobal("document", { createElement: () => field, querySelector: () => null, body, execCommand });
  return { field, execCommand };
}

test("copies by the clipboard where there is one", async () => {
  const writeText = vi.fn(async () => {});
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  const { execCommand } = page(true);
  expect(await copyText("a\nb")).toBe(true);
  expect(writeText).toHaveBeenCalledWith("a\nb");
  expect(execCommand).not.toHaveBeenCalled();
});

test.each([true, false])("copies by a selection elsewhere, and says whether that went well: %s", async (copies) => {
  vi.stubGlobal("navigator", {});
  const { field } = page(copies);
  expect(await copyText("a\nb")).toBe(copies);
  expect(field.value).toBe("a\nb");
  expect(field.select).toHaveBeenCalled();
  expect(field.remove).toHaveBeenCalled();
});
