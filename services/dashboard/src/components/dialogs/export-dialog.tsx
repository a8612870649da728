/** Exports the records of the view and shows the progress. */
import { type FormEvent, useState } from "react";
import type { ExportChoice, ExportEnd, ExportProgress, Format } from "../../history/export";
import type { Filter, Range } from "../../records/filter";
import { exportTexts } from "../../texts/export";
import { ErrorText } from "../messages/error-text";
import { Dialog } from "../overlay/dialog";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { type ExportState, useExport } from "./use-export";
import "./dialogs.css";

interface Properties {
  filter: Filter;
  range: Range;
  onClose: () => void;
}

export function ExportDialog({ filter, range, onClose }: Properties) {
  const texts = useTexts(exportTexts);
  const { state, start, stop } = useExport(filter, range);
  const [choice, setChoice] = useState<ExportChoice>({ format: "ndjson", order: "desc", maxRecords: "", cursor: null });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void start(choice);
  };
  const running = state.kind === "running";
  // The next part continues with the choice of the previous part, whatever was chosen since: a cursor belongs to its order.
  const next = state.kind === "ended" && state.end.nextCursor !== null ? state : null;
  return (
    <Dialog title={texts.title} onClose={onClose}>
      <p>{texts.what}</p>
      <form className="dialog-form" onSubmit={submit}>
        <label htmlFor="export-format">{texts.format}</label>
        <select
          id="export-format"
          value={choice.format}
          disabled={running}
          onChange={(event) => setChoice({ ...choice, format: event.target.value as Format })}
        >
          <option value="ndjson">NDJSON</option>
          <option value="csv">CSV</option>
        </select>
        <label htmlFor="export-order">{texts.order}</label>
        <select
          id="export-order"
          value={choice.order}
          disabled={running}
          onChange={(event) => setChoice({ ...choice, order: event.target.value as ExportChoice["order"] })}
        >
          <option value="desc">{texts.newest}</option>
          <option value="asc">{texts.oldest}</option>
        </select>
        <label htmlFor="export-max">{texts.max}</label>
        <input
          id="export-max"
          type="number"
          min="1"
          placeholder={texts.maxHint}
          value={choice.maxRecords}
          disabled={running}
          onChange={(event) => setChoice({ ...choice, maxRecords: event.target.value })}
        />
        <div className="dialog-actions">
          {/* Two keys: a single button that changed while it is pressed would start the export that was just stopped. */}
          {running ? (
            <button key="stop" type="button" onClick={stop}>
              {texts.stop}
            </button>
          ) : (
            <button key="start" type="submit">
              {texts.start}
            </button>
          )}
          {next !== null && (
            <button type="button" onClick={() => void start({ ...next.choice, cursor: next.end.nextCursor })}>
              {texts.exportNext}
            </button>
          )}
        </div>
      </form>
      <Outcome state={state} />
    </Dialog>
  );
}

function Outcome({ state }: { state: ExportState }) {
  const texts = useTexts(exportTexts);
  const { language } = useChoices();
  if (state.kind === "failed")
    return (
      <div className="banner" data-kind="error" role="alert">
        <ErrorText error={state.error} />
      </div>
    );
  const progressOf = ({ records, bytes, matching }: ExportProgress) =>
    texts.progress(records, matching, (bytes / 1e6).toLocaleString(language, { maximumFractionDigits: 1 }));
  return (
    <div role="status">
      {state.kind === "running" && (
        <>
          <progress
            aria-label={texts.title}
            max={state.progress.matching ?? undefined}
            value={state.progress.matching === null ? undefined : state.progress.records}
          />
          <p>{progressOf(state.progress)}</p>
        </>
      )}
      {state.kind === "message" && <p>{state.text}</p>}
      {state.kind === "ended" && <p>{endText(state.end, texts)}</p>}
    </div>
  );
}

function endText({ complete, records }: ExportEnd, texts: (typeof exportTexts)["en"]): string {
  if (complete === null) return texts.perhapsMore(records);
  return complete ? texts.complete(records) : texts.more(records);
}
