/** Shows the records of a trace, of all nodes, with the time between neighbours. */
import { useEffect, useMemo, useRef, useState } from "react";
import type { TraceRecords } from "../../history/trace";
import { MAX_TRACE } from "../../history/trace";
import { clockTime } from "../../records/clock-time";
import { EVERYTHING, withAttribute } from "../../records/filter";
import type { LogRecord } from "../../records/record";
import { type Count, countsBy, durationText, microsBetween, TRACE_KEY } from "../../records/trace";
import { recordTexts } from "../../texts/record";
import { traceTexts } from "../../texts/trace";
import { ErrorText } from "../messages/error-text";
import { Dialog } from "../overlay/dialog";
import { useChoices, useTexts } from "../preferences/preferences-context";
import type { RecordActions } from "../record/record-actions";
import { RecordRow } from "../record/record-row";
import { TraceLink } from "../record/trace-link";
import { VisibleText } from "../text/visible-text";
import { SPANS, type TraceReading, useTrace } from "./use-trace";
import "./dialogs.css";

interface Properties {
  /** The record from which the trace was opened. */
  record: LogRecord;
  traceId: string;
  actions: RecordActions;
  onClose: () => void;
}

export function TraceDialog({ record, traceId, actions, onClose }: Properties) {
  const texts = useTexts(traceTexts);
  const reading = useTrace(traceId, record.time);
  const { found, range, error } = reading;
  const filter = useMemo(
    () => withAttribute(EVERYTHING, { key: TRACE_KEY, value: traceId, exclude: false }),
    [traceId],
  );
  return (
    <Dialog title={texts.traceOf(traceId)} wide onClose={onClose}>
      <div className="context-choice">
        <fieldset className="scopes" aria-label={texts.span}>
          {SPANS.map((span) => (
            <button key={span} type="button" aria-pressed={reading.span === span} onClick={() => reading.search(span)}>
              {texts.spanOf(span)}
            </button>
          ))}
        </fieldset>
        <button type="button" onClick={() => actions.search(filter, range)}>
          {texts.showInList}
        </button>
        <TraceLink traceId={traceId} actions={actions} />
      </div>
      <Progress reading={reading} />
      {error && (
        <div className="banner" data-kind="error" role="alert">
          <ErrorText error={error} />
        </div>
      )}
      <Counts records={found.records} />
      <TraceList key={reading.span} record={record} traceId={traceId} found={found} actions={actions} />
    </Dialog>
  );
}

/** One button in one position, so that the focus stays on it. */
function Progress({ reading: { span, found, reading, error, search, stop, resume } }: { reading: TraceReading }) {
  const texts = useTexts(traceTexts);
  const { tryAgain } = useTexts(recordTexts);
  const { zone } = useChoices();
  const count = found.records.length;
  const time = found.scannedUntil === null ? null : clockTime(found.scannedUntil, zone);
  const ended = found.state !== "reading";
  const duration = spanOf(found.records);
  const text = {
    complete: count === 0 ? texts.none : texts.complete(count, duration),
    more: texts.more(MAX_TRACE),
    reading: reading ? texts.searching(time, count) : texts.stopped(time, count),
  }[found.state];
  const [label, onClick] = reading
    ? [texts.stop, stop]
    : ended
      ? [texts.searchAgain, () => search(span)]
      : [error === null ? texts.continueSearch : tryAgain, resume];
  return (
    <div className="context-choice">
      <p role="status">{text}</p>
      <button type="button" className="small" onClick={onClick}>
        {label}
      </button>
    </div>
  );
}

function spanOf(records: readonly LogRecord[]): string {
  const [first, last] = [records[0], records.at(-1)];
  const micros = first === undefined || last === undefined ? null : microsBetween(first, last);
  return durationText(micros ?? 0n);
}

function Counts({ records }: { records: readonly LogRecord[] }) {
  const { node, level } = useTexts(recordTexts);
  if (records.length === 0) return null;
  return (
    <dl className="trace-counts">
      <CountList name={node} counts={countsBy(records, "node")} />
      <CountList name={level} counts={countsBy(records, "level")} />
    </dl>
  );
}

/** More than fit in a line or two. */
const MAX_NAMES = 12;

function CountList({ name, counts }: { name: string; counts: readonly Count[] }) {
  const texts = useTexts(traceTexts);
  const further = counts.length - MAX_NAMES;
  return (
    <div>
      <dt>{name}</dt>
      {counts.slice(0, MAX_NAMES).map(({ name: value, count }) => (
        <dd key={value}>
          <VisibleText text={value} /> <span className="dim">{count}</span>
        </dd>
      ))}
      {further > 0 && <dd className="dim">{texts.further(further)}</dd>}
    </div>
  );
}

interface ListProperties {
  record: LogRecord;
  traceId: string;
  found: TraceRecords;
  actions: RecordActions;
}

function TraceList({ record, traceId, found: { records }, actions }: ListProperties) {
  const texts = useTexts(traceTexts);
  const { zone } = useChoices();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const list = useRef<HTMLOListElement>(null);
  const { sequence } = record;
  const shown = records.some((each) => each.sequence === sequence);
  useEffect(() => {
    if (!shown) return;
    const row = list.current?.querySelector(`[data-sequence="${CSS.escape(sequence)}"]`);
    row?.scrollIntoView({ block: "center" });
  }, [sequence, shown]);
  const [toggle] = useState(() => (toggled: string) => {
    setOpen((previous) => {
      const next = new Set(previous);
      if (!next.delete(toggled)) next.add(toggled);
      return next;
    });
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard
    <section className="surroundings" tabIndex={0} aria-label={texts.traceOf(traceId)}>
      <ol ref={list} className="records">
        {records.map((each, index) => (
          <li key={each.sequence} className="trace-step" aria-current={each.sequence === sequence ? "true" : undefined}>
            <span className="gap" title={index === 0 ? each.time : texts.sincePrevious}>
              {gapText(records[index - 1], each) ?? clockTime(each.time, zone).slice(-"00:00:00.000".length)}
            </span>
            <RecordRow
              record={each}
              expanded={open.has(each.sequence)}
              active={each.sequence === sequence}
              onToggle={toggle}
              actions={actions}
              inTabOrder
            />
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Null for the first record, which has none before it. */
function gapText(previous: LogRecord | undefined, record: LogRecord): string | null {
  const micros = previous === undefined ? null : microsBetween(previous, record);
  return micros === null ? null : `+${durationText(micros)}`;
}
