/** One record as a line. */
import { memo } from "react";
import { clockTime } from "../records/clock-time";
import type { Filter } from "../records/filter";
import { kindOf } from "../records/levels";
import type { LogRecord } from "../records/record";
import { useChoices } from "./preferences-context";
import { VisibleText } from "./visible-text";

export interface RecordActions {
  include(change: (filter: Filter) => Filter): void;
  openContext(sequence: string): void;
  linkOf(sequence: string): string;
}

interface Properties {
  record: LogRecord;
  expanded: boolean;
  active: boolean;
  onToggle: (sequence: string) => void;
  actions: RecordActions;
}

export const RecordRow = memo(function RecordRow({ record, expanded, active, onToggle }: Properties) {
  const { zone } = useChoices();
  return (
    <div className="record" data-sequence={record.sequence} data-kind={kindOf(record.severity)} data-active={active}>
      <button type="button" className="line" aria-expanded={expanded} onClick={() => onToggle(record.sequence)}>
        <time dateTime={record.time} title={record.time}>{clockTime(record.time, zone)}</time>
        <span className="level"><VisibleText text={record.level} /></span>
        <span className="node"><VisibleText text={record.node} /></span>
        <span className="message"><VisibleText text={record.message.slice(0, 500)} /></span>
      </button>
    </div>
  );
});
