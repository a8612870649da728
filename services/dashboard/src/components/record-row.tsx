/** One record: time, level, node, message, attributes. */
import { memo, useState } from "react";
import { kindOf } from "../records/levels";
import type { LogRecord } from "../records/record";
import { clockTime } from "./clock-time";
import { VisibleText } from "./visible-text";

/** Longer messages are cut until the reader asks for the whole. */
const CUT_CHARACTERS = 1000;

export const RecordRow = memo(function RecordRow({ record }: { record: LogRecord }) {
  return (
    <li className="row record" data-sequence={record.sequence} data-kind={kindOf(record.severity)}>
      <time dateTime={record.time} title={record.time}>
        {clockTime(record.time)}
      </time>
      <span className="level">
        <VisibleText text={record.level} />
      </span>
      <span className="node" title={record.node}>
        <VisibleText text={record.node} />
      </span>
      <div className="content">
        <Message text={record.message} />
        {Object.entries(record.attributes).map(([key, value]) => (
          <span key={key} className="attribute">
            <span className="attribute-key">
              <VisibleText text={key} />
            </span>
            =<VisibleText text={value} />
          </span>
        ))}
      </div>
    </li>
  );
});

function Message({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const cut = text.length > CUT_CHARACTERS && !whole;
  return (
    <span className="message">
      <VisibleText text={cut ? text.slice(0, CUT_CHARACTERS) : text} />
      {cut && (
        <button type="button" className="small" onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString()} characters
        </button>
      )}
    </span>
  );
}
