/** All of a record: the whole message, each attribute, and what can be done with them. */
import { useState } from "react";
import { copyText } from "../../browser/copy";
import { dateTime } from "../../records/clock-time";
import { type Filter, isAskable, nodeFilterOf, withAttribute } from "../../records/filter";
import { laidOutJson } from "../../records/json-text";
import { type LogRecord, sortedAttributes } from "../../records/record";
import { jsonOf, lineOf } from "../../records/record-text";
import { namedText } from "../../records/visible-text";
import { recordWords } from "../../texts/record";
import { useWords } from "../preferences/preferences-context";
import { StyledText } from "../text/styled-text";
import { VisibleText } from "../text/visible-text";
import type { RecordActions } from "./record-actions";

interface Properties {
  record: LogRecord;
  actions: RecordActions;
}

type Change = (filter: Filter) => Filter;

export function RecordDetails({ record, actions }: Properties) {
  const { time, level, node, sequence, message, attributes } = record;
  const words = useWords(recordWords);
  const nodeFilter = nodeFilterOf(node);
  const only = (change: Change) => () => actions.include(change);
  return (
    <section className="details" aria-label={words.detailsOf(sequence)}>
      <Message message={message} />
      <table className="fields">
        <tbody>
          <Field name={words.time}>
            {time} <span className="dim">({dateTime(time, "local")})</span>
          </Field>
          <Field
            name={words.level}
            value={level}
            {...(isAskable(level) && {
              only: only((filter) => ({ ...filter, levels: [level.toLowerCase()], minLevel: "" })),
            })}
            {...(record.severity > 0 &&
              isAskable(level) && {
                atLeast: only((filter) => ({ ...filter, levels: [], minLevel: level.toLowerCase() })),
              })}
            filterable
          />
          <Field
            name={words.node}
            value={node}
            {...(nodeFilter !== null && { only: only((filter) => ({ ...filter, nodes: [nodeFilter] })) })}
            filterable
          />
          <Field name={words.sequence} value={sequence} />
        </tbody>
      </table>
      {Object.keys(attributes).length > 0 && (
        <table className="fields" aria-label={words.attributes}>
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
      <Takeaways record={record} actions={actions} />
    </section>
  );
}

function Message({ message }: { message: string }) {
  const words = useWords(recordWords);
  const [layOut, setLayOut] = useState(true);
  const laidOut = laidOutJson(message);
  return (
    <div className="whole-message">
      {laidOut !== null && (
        <button type="button" className="small" aria-pressed={layOut} onClick={() => setLayOut(!layOut)}>
          {words.laidOut}
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
  /** Whether there are buttons; one whose action is missing can't be pressed, and says why. */
  filterable?: boolean;
  only?: () => void;
  atLeast?: () => void;
  without?: () => void;
}

function Field({ name, value, children, filterable = false, only, atLeast, without }: FieldProperties) {
  const words = useWords(recordWords);
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
              title={only === undefined ? words.notAskable : words.onlyLabel(what)}
              aria-label={words.onlyLabel(what)}
              onClick={only}
            >
              {words.only}
            </button>
            {atLeast && (
              <button type="button" className="small" onClick={atLeast}>
                {words.atLeast}
              </button>
            )}
            {without && (
              <button
                type="button"
                className="small"
                title={words.withoutLabel(what)}
                aria-label={words.withoutLabel(what)}
                onClick={without}
              >
                {words.without}
              </button>
            )}
          </span>
        )}
      </td>
    </tr>
  );
}

function Takeaways({ record, actions }: Properties) {
  const words = useWords(recordWords);
  const [said, setSaid] = useState("");
  const copy = (text: string) => async () => setSaid((await copyText(text)) ? words.copied : words.notCopied);
  return (
    <p className="takeaways">
      <button type="button" className="small" onClick={copy(lineOf(record))}>
        {words.copyText}
      </button>
      <button type="button" className="small" onClick={copy(jsonOf(record))}>
        {words.copyJson}
      </button>
      <button type="button" className="small" onClick={copy(actions.linkOf(record.sequence))}>
        {words.copyLink}
      </button>
      <button type="button" className="small" onClick={() => actions.openContext(record.sequence)}>
        {words.context}
      </button>
      <span role="status">{said}</span>
    </p>
  );
}
