/** Reports records that the stream did not send: an entry of the list, like a record. */

/** How far the missing range was read from history: open is not at all, partial leaves a cursor. */
export type Filling = "open" | "loading" | "partial" | "filled";

export interface Notice {
  /** Unique within the page. */
  readonly id: string;
  /**
   * gap: the stream could not resume there. dropped: records were left out because this reader was too slow, or, for the reason
   * "rate", because more arrived than a live view is sent, or, for "cost", because the filter takes too much time: then these
   * records were not searched, and some of them may not match.
   */
  readonly kind: "gap" | "dropped";
  /** The times of the records that may be missing: from inclusive, to exclusive, null when the stream does not know. */
  readonly from: string | null;
  readonly to: string | null;
  /** When it happened. Narrower than the range: the time in a record may differ from the time it was sent. */
  readonly since: string | null;
  readonly until: string | null;
  /** Number of records left out; null when it isn't known. */
  readonly records: number | null;
  readonly reason: string;
  readonly filling: Filling;
  /** Records read into the range so far. */
  readonly loaded: number;
  /** Where to continue reading the range. */
  readonly cursor: string | null;
}

/**
 * The time that sorts the notice into the list: it stands above every record up to this time. A gap stands where records are
 * missing. Drops stand above the records that were sent, where a reader who follows sees that there were more. A filled gap stands
 * at the end of its range, so that the records read into it appear below the button that was pressed. Empty when the time is not
 * known: then it stands below everything.
 */
export function sortTimeOf(notice: Notice): string {
  const atEnd = notice.kind === "dropped" || notice.filling === "filled";
  const [first, second] = atEnd ? [notice.until, notice.since] : [notice.since, notice.until];
  return first ?? second ?? "";
}
