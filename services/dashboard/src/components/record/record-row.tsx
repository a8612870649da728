/** A record: a dense line that opens into all its details. */
import { type KeyboardEvent, type MouseEvent, memo } from "react";
import { clockTime } from "../../records/clock-time";
import { kindOf } from "../../records/levels";
import { type LogRecord, sortedAttributes } from "../../records/record";
import { namedText } from "../../records/visible-text";
import { useChoices } from "../preferences/preferences-context";
import { StyledText } from "../text/styled-text";
import { VisibleText } from "../text/visible-text";
import type { RecordActions } from "./record-actions";
import { RecordDetails } from "./record-details";
import "./record.css";

interface Properties {
  record: LogRecord;
  expanded: boolean;
  active: boolean;
  onToggle: (sequence: string) => void;
  actions: RecordActions;
  /** Whether Tab reaches it. In the long list only the active row: arrow keys reach the others. */
  inTabOrder?: boolean;
}

/** More than a line ever shows. */
const LINE_CHARACTERS = 600;
const LINE_ATTRIBUTES = 12;
/** Length of a time of today. */
const CLOCK_CHARACTERS = "00:00:00.000".length;

export const RecordRow = memo(function RecordRow(properties: Properties) {
  const { record, expanded, active, onToggle, actions, inTabOrder = active } = properties;
  const toggle = (event: MouseEvent) => {
    // The click that ends a text selection must not toggle.
    const selection = document.getSelection();
    if (selection !== null && !selection.isCollapsed && selection.containsNode(event.currentTarget, true)) return;
    onToggle(record.sequence);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onToggle(record.sequence);
  };
  return (
    <div className="record" data-sequence={record.sequence} data-kind={kindOf(record.severity)} data-active={active}>
      {/* biome-ignore lint/a11y/useSemanticElements: the text of a button element can't be selected */}
      <div
        role="button"
        className="line"
        tabIndex={inTabOrder ? 0 : -1}
        aria-expanded={expanded}
        onClick={toggle}
        onKeyDown={onKey}
      >
        <Line record={record} />
      </div>
      {expanded && <RecordDetails record={record} actions={actions} />}
    </div>
  );
});

function Line({ record: { time, level, node, message, attributes } }: { record: LogRecord }) {
  const { zone } = useChoices();
  return (
    <>
      <time dateTime={time} title={time}>
        <Clock text={clockTime(time, zone)} />
      </time>
      <span className="level">
        <VisibleText text={level} />
      </span>
      <span className="node" title={namedText(node)}>
        <VisibleText text={node} />
      </span>
      <span className="content">
        <span className="message">
          <StyledText text={lineText(message)} />
        </span>
        {sortedAttributes(attributes)
          .slice(0, LINE_ATTRIBUTES)
          .map(([key, value]) => (
            <span key={key} className="attribute">
              <span className="attribute-key">
                <VisibleText text={lineText(key)} />
              </span>
              =<VisibleText text={lineText(value)} />
            </span>
          ))}
      </span>
    </>
  );
}

/** Marks the year and the milliseconds of a time of another day, which have no room on a phone. */
function Clock({ text }: { text: string }) {
  if (text.length <= CLOCK_CHARACTERS) return text;
  return (
    <>
      <span className="roomy">{text.slice(0, 5)}</span>
      {text.slice(5, -4)}
      <span className="roomy">{text.slice(-4)}</span>
    </>
  );
}

/** Shortened, with line breaks as signs. Never cut in the middle of a surrogate pair. */
function lineText(text: string): string {
  const cut = text.length <= LINE_CHARACTERS ? text : text.slice(0, LINE_CHARACTERS).replace(/[\uD800-\uDBFF]$/, "");
  return cut.replace(/\r?\n/g, "⏎");
}
