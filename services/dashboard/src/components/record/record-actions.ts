/** What a reader can do with a record. */
import type { Filter } from "../../records/filter";

export interface RecordActions {
  /** Changes the filter of the view. */
  include(change: (filter: Filter) => Filter): void;
  openContext(sequence: string): void;
  /** The address of a page that shows this record. */
  linkOf(sequence: string): string;
}
