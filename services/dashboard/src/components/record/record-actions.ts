/** What a reader can do with a record. */
import type { Filter, Range } from "../../records/filter";
import type { LogRecord } from "../../records/record";

export interface RecordActions {
  /** Changes the filter of the view. */
  include(change: (filter: Filter) => Filter): void;
  /** Replaces filter and time range of the view. */
  search(filter: Filter, range: Range): void;
  openContext(sequence: string): void;
  /** Opens the trace of a record that has one. */
  openTrace(record: LogRecord): void;
  /** The address of the trace in the tracing UI; null without one. */
  traceLinkOf(traceId: string): string | null;
  /** The address of a page that shows this record. */
  linkOf(sequence: string): string;
}
