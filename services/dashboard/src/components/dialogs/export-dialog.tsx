/** Exports what the view means, with progress. */
import { type FormEvent, useEffect, useRef, useState } from "react";
import { type FileSink, openSink } from "../../browser/file-sink";
import { ServerError } from "../../history/ask";
import {
  BrokenExport,
  type ExportChoice,
  type ExportEnd,
  type ExportProgress,
  exportAddress,
  type Format,
  runExport,
} from "../../history/export";
import type { Filter, Range } from "../../records/filter";
import { exportWords } from "../../texts/export";
import { ErrorText } from "../messages/error-text";
import { Dialog } from "../overlay/dialog";
import { useChoices, useWords } from "../preferences/preferences-context";
import "./dialogs.css";

interface Properties {
  filter: Filter;
  range: Range;
  onClose: () => void;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly progress: ExportProgress }
  | { readonly kind: "ended"; readonly end: ExportEnd; readonly choice: ExportChoice }
  | { readonly kind: "said"; readonly text: string }
  | { readonly kind: "failed"; readonly error: ServerError };

const TYPES: Readonly<Record<Format, string>> = { ndjson: "application/x-ndjson", csv: "text/csv" };
const NOTHING_YET: ExportProgress = { records: 0, bytes: 0, matching: null };
const PROGRESS_MS = 100;

export function ExportDialog({ filter, range, onClose }: Properties) {
  const words = useWords(exportWords);
  const { state, start, stop } = useExport(filter, range);
  const [choice, setChoice] = useState<ExportChoice>({ format: "ndjson", order: "desc", maxRecords: "", cursor: null });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void start(choice);
  };
  const running = state.kind === "running";
  // The next part goes on as the one before began, whatever has been chosen since: a cursor belongs to its order.
  const next = state.kind === "ended" && state.end.nextCursor !== null ? state : null;
  return (
    <Dialog title={words.title} onClose={onClose}>
      <p>{words.what}</p>
      <form className="dialog-form" onSubmit={submit}>
        <label htmlFor="export-format">{words.format}</label>
        <select
          id="export-format"
          value={choice.format}
          disabled={running}
          onChange={(event) => setChoice({ ...choice, format: event.target.value as Format })}
        >
          <option value="ndjson">NDJSON</option>
          <option value="csv">CSV</option>
        </select>
        <label htmlFor="export-order">{words.order}</label>
        <select
          id="export-order"
          value={choice.order}
          disabled={running}
          onChange={(event) => setChoice({ ...choice, order: event.target.value as ExportChoice["order"] })}
        >
          <option value="desc">{words.newest}</option>
          <option value="asc">{words.oldest}</option>
        </select>
        <label htmlFor="export-most">{words.most}</label>
        <input
          id="export-most"
          type="number"
          min="1"
          placeholder={words.mostHint}
          value={choice.maxRecords}
          disabled={running}
          onChange={(event) => setChoice({ ...choice, maxRecords: event.target.value })}
        />
        <div className="dialog-actions">
          {/* Keys, because one button that turned into the other while it is pressed would start what was just stopped. */}
          {running ? (
            <button key="stop" type="button" onClick={stop}>
              {words.stop}
            </button>
          ) : (
            <button key="start" type="submit">
              {words.start}
            </button>
          )}
          {next !== null && (
            <button type="button" onClick={() => void start({ ...next.choice, cursor: next.end.nextCursor })}>
              {words.goOn}
            </button>
          )}
        </div>
      </form>
      <Outcome state={state} />
    </Dialog>
  );
}

/** Told apart by when they were made. */
function nameOf(format: Format): string {
  return `logs-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}.${format}`;
}

function Outcome({ state }: { state: State }) {
  const words = useWords(exportWords);
  const { language } = useChoices();
  if (state.kind === "failed")
    return (
      <div className="banner" data-kind="error" role="alert">
        <ErrorText error={state.error} />
      </div>
    );
  const progressOf = ({ records, bytes, matching }: ExportProgress) =>
    words.progress(records, matching, (bytes / 1e6).toLocaleString(language, { maximumFractionDigits: 1 }));
  return (
    <div role="status">
      {state.kind === "running" && (
        <>
          <progress
            aria-label={words.title}
            max={state.progress.matching ?? undefined}
            value={state.progress.matching === null ? undefined : state.progress.records}
          />
          <p>{progressOf(state.progress)}</p>
        </>
      )}
      {state.kind === "said" && <p>{state.text}</p>}
      {state.kind === "ended" && <p>{endText(state.end, words)}</p>}
    </div>
  );
}

function endText({ complete, records }: ExportEnd, words: (typeof exportWords)["en"]): string {
  if (complete === null) return words.perhapsMore(records);
  return complete ? words.complete(records) : words.more(records);
}

function useExport(filter: Filter, range: Range) {
  const words = useWords(exportWords);
  const [state, setState] = useState<State>({ kind: "idle" });
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const start = async (choice: ExportChoice) => {
    let sink: FileSink | null;
    try {
      sink = await openSink(nameOf(choice.format), TYPES[choice.format]);
    } catch {
      setState({ kind: "said", text: words.notWritten });
      return;
    }
    if (sink === null) return;
    const run = new AbortController();
    abort.current = run;
    setState({ kind: "running", progress: NOTHING_YET });
    let shown_ms = 0;
    const onProgress = (progress: ExportProgress) => {
      if (Date.now() - shown_ms < PROGRESS_MS) return;
      shown_ms = Date.now();
      setState({ kind: "running", progress });
    };
    try {
      const address = exportAddress(filter, range, choice);
      const end = await runExport(address, choice.format, sink, onProgress, run.signal);
      await sink.finish();
      setState({ kind: "ended", end, choice });
    } catch (cause) {
      await discard(sink);
      if (run.signal.aborted) setState({ kind: "said", text: words.stopped });
      else if (cause instanceof ServerError) setState({ kind: "failed", error: cause });
      else setState({ kind: "said", text: cause instanceof BrokenExport ? words.broken : words.notWritten });
    }
  };
  return { state, start, stop: () => abort.current?.abort() };
}

async function discard(sink: FileSink): Promise<void> {
  try {
    await sink.discard();
  } catch {
    // It is what could not be written.
  }
}
