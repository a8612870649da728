/** Runs an export into a file, with its progress. */
import { useEffect, useRef, useState } from "react";
import { type FileSink, openSink } from "../../browser/file-sink";
import {
  BrokenExport,
  type ExportChoice,
  type ExportEnd,
  type ExportProgress,
  exportAddress,
  type Format,
  runExport,
} from "../../history/export";
import { ServerError } from "../../history/request";
import type { Filter, Range } from "../../records/filter";
import { exportTexts } from "../../texts/export";
import { useTexts } from "../preferences/preferences-context";

export type ExportState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly progress: ExportProgress }
  | { readonly kind: "ended"; readonly end: ExportEnd; readonly choice: ExportChoice }
  | { readonly kind: "message"; readonly text: string }
  | { readonly kind: "failed"; readonly error: ServerError };

const TYPES: Readonly<Record<Format, string>> = { ndjson: "application/x-ndjson", csv: "text/csv" };
const NOTHING_YET: ExportProgress = { records: 0, bytes: 0, matching: null };
const PROGRESS_MS = 100;

export function useExport(filter: Filter, range: Range) {
  const texts = useTexts(exportTexts);
  const [state, setState] = useState<ExportState>({ kind: "idle" });
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  const start = async (choice: ExportChoice) => {
    let sink: FileSink | null;
    try {
      sink = await openSink(nameOf(choice.format), TYPES[choice.format]);
    } catch {
      setState({ kind: "message", text: texts.notWritten });
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
      const { format } = choice;
      const end = await runExport({ address, format, sink, onProgress, signal: run.signal });
      await sink.finish();
      setState({ kind: "ended", end, choice });
    } catch (cause) {
      await discard(sink);
      if (run.signal.aborted) setState({ kind: "message", text: texts.stopped });
      else if (cause instanceof ServerError) setState({ kind: "failed", error: cause });
      else setState({ kind: "message", text: cause instanceof BrokenExport ? texts.broken : texts.notWritten });
    }
  };
  return { state, start, stop: () => abort.current?.abort() };
}

/** Named after the time of the export. */
function nameOf(format: Format): string {
  return `logs-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}.${format}`;
}

async function discard(sink: FileSink): Promise<void> {
  try {
    await sink.discard();
  } catch {
    // The file could not be written, so there may be nothing to discard.
  }
}
