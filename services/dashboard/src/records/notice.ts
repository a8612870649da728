/** What the stream says it did not send: an entry of the list beside the records. */

/** Where a range that was missed stands: not read yet, being read, read in part (a cursor is left), read. */
export type Filling = "open" | "loading" | "partial" | "filled";

export interface Notice {
  /** Unique within the page. */
  readonly id: string;
  /** gap: the stream could not resume there. dropped: records were left out because this reader was too slow, or,
   *  for the reason "rate", because more came than a live view is sent, or, for "cost", because the filter takes too
   *  much time: then these records were not looked at, and some of them may not match. */
  readonly kind: "gap" | "dropped";
  /** The times of the records that may be missing: from inclusive, to exclusive, null when the stream doesn't know. */
  readonly from: string | null;
  readonly to: string | null;
  /** When it happened. Narrower than the range: a record's own time may differ from the time it was sent at. */
  readonly since: string | null;
  readonly until: string | null;
  /** Number of records left out; null when it isn't known. */
  readonly records: number | null;
  readonly reason: string;
  readonly filling: Filling;
  /** Records read into the range so far. */
  readonly loaded: number;
  /** Where to read on in the range. */
  readonly cursor: string | null;
}

/**
 * Where the notice stands in the list: above every record up to this time. A gap stands where records are missing. Drops stand
 * above the records that were not dropped, where a reader who follows sees that there were more. A filled gap stands where the
 * range ended, so that what was read into it comes below the button that was pressed. Empty, below everything, when not known.
 */
export function placeOf(notice: Notice): string {
  const atEnd = notice.kind === "dropped" || notice.filling === "filled";
  const [first, second] = atEnd ? [notice.until, notice.since] : [notice.since, notice.until];
  return first ?? second ?? "";
}
