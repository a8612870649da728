/** A record in full: the whole message, every attribute, and what can be done with them. */
import { useState } from "react";
import { copyText } from "../../browser/copy";
import { dateTime } from "../../records/clock-time";
import { type Filter, isFilterable, nodeFilterOf, withAttribute } from "../../records/filter";
import { laidOutJson } from "../../records/json-text";
import { type LogRecord, sortedAttributes } from "../../records/record";
import { jsonOf, lineOf } from "../../records/record-text";
import { traceIdOf } from "../../records/trace";
import { namedText } from "../../records/visible-text";
import { recordTexts } from "../../texts/record";
import { traceTexts } from "../../texts/trace";
import { useTexts } from "../preferences/preferences-context";
import { StyledText } from "../text/styled-text";
import { VisibleText } from "../text/visible-text";
import type { RecordActions } from "./record-actions";
import { TraceLink } from "./trace-link";

interface Properties {
  record: LogRecord;
  actions: RecordActions;
}

type Change = (filter: Filter) => Filter;

export function RecordDetails({ record, actions }: Properties) {
  const { time, level, node, sequence, message, attributes } = record;
  const texts = useTexts(recordTexts);
  const nodeFilter = nodeFilterOf(node);
  const only = (change: Change) => () => actions.include(change);
  return (
    <section className="details" aria-label={texts.detailsOf(sequence)}>
      <Message message={message} />
      <table className="fields">
        <tbody>
          <Field name={texts.time}>
            {time} <span className="dim">({dateTime(time, "local")})</span>
          </Field>
          <Field
            name={texts.level}
            value={level}
            {...(isFilterable(level) && {
              only: only((filter) => ({ ...filter, levels: [level.toLowerCase()], minLevel: "" })),
            })}
            {...(record.severity > 0 &&
              isFilterable(level) && {
                atLeast: only((filter) => ({ ...filter, levels: [], minLevel: level.toLowerCase() })),
              })}
            filterable
          />
          <Field
            name={texts.node}
            value={node}
            {...(nodeFilter !== null && { only: only((filter) => ({ ...filter, nodes: [nodeFilter] })) })}
            filterable
          />
          <Field name={texts.sequence} value={sequence} />
        </tbody>
      </table>
      {Object.keys(attributes).length > 0 && (
        <table className="fields" aria-label={texts.attributes}>
          <tbody>
            {sortedAttributes(attributes).map(([key, value]) => (
              <Field
                key={key}
                name={key}
                value={value}
                only={only((filter) => withAttribute(filter, { key, value, exclude: false }))}
                without={only((filter) => withAttribute(filter, { key, value, exclude: true }))}
                filterable
              />
            ))}
          </tbody>
        </table>
      )}
      <RecordButtons record={record} actions={actions} />
    </section>
  );
}

function Message({ message }: { message: string }) {
  const texts = useTexts(recordTexts);
  const [layOut, setLayOut] = useState(true);
  const laidOut = laidOutJson(message);
  return (
    <div className="whole-message">
      {laidOut !== null && (
        <button type="button" className="small" aria-pressed={layOut} onClick={() => setLayOut(!layOut)}>
          {texts.laidOut}
        </button>
      )}
      <pre>
        <StyledText text={laidOut !== null && layOut ? laidOut : message} />
      </pre>
    </div>
  );
}

interface FieldProperties {
  name: string;
  value?: string;
  children?: React.ReactNode;
  /** Whether there are filter buttons. A button without an action is disabled and says why. */
  filterable?: boolean;
  only?: () => void;
  atLeast?: () => void;
  without?: () => void;
}

function Field({ name, value, children, filterable = false, only, atLeast, without }: FieldProperties) {
  const texts = useTexts(recordTexts);
  const what = namedText(`${name}=${(value ?? "").slice(0, 80)}`);
  return (
    <tr>
      <th scope="row">
        <VisibleText text={name} />
      </th>
      <td>
        {value !== undefined && <StyledText text={value} />}
        {children}
        {filterable && (
          <span className="filters">
            <button
              type="button"
              className="small"
              disabled={only === undefined}
              title={only === undefined ? texts.notFilterable : texts.onlyLabel(what)}
              aria-label={texts.onlyLabel(what)}
              onClick={only}
            >
              {texts.only}
            </button>
            {atLeast && (
              <button type="button" className="small" onClick={atLeast}>
                {texts.atLeast}
              </button>
            )}
            {without && (
              <button
                type="button"
                className="small"
                title={texts.withoutLabel(what)}
                aria-label={texts.withoutLabel(what)}
                onClick={without}
              >
                {texts.without}
              </button>
            )}
          </span>
        )}
      </td>
    </tr>
  );
}

function RecordButtons({ record, actions }: Properties) {
  const texts = useTexts(recordTexts);
  const { wholeTrace } = useTexts(traceTexts);
  const [result, setResult] = useState("");
  const traceId = traceIdOf(record);
  const copy = (text: string) => async () => setResult((await copyText(text)) ? texts.copied : texts.notCopied);
  return (
    <p className="record-buttons">
      <button type="button" className="small" onClick={copy(lineOf(record))}>
        {texts.copyText}
      </button>
      <button type="button" className="small" onClick={copy(jsonOf(record))}>
        {texts.copyJson}
      </button>
      <button type="button" className="small" onClick={copy(actions.linkOf(record.sequence))}>
        {texts.copyLink}
      </button>
      <button type="button" className="small" onClick={() => actions.openContext(record.sequence)}>
        {texts.context}
      </button>
      {traceId !== null && (
        <>
          <button type="button" className="small" onClick={() => actions.openTrace(record)}>
            {wholeTrace}
          </button>
          <TraceLink traceId={traceId} actions={actions} />
        </>
      )}
      <span role="status">{result}</span>
    </p>
  );
}
