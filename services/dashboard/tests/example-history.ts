/** A history that answers as /api/logs does, from an array; tests hold its answers back and let them go. */

import type { HistoryPage, ReadPage } from "../src/history/history";
import { ServerError } from "../src/history/request";
import { compare } from "../src/records/order";
import type { LogRecord } from "../src/records/record";

export class ExampleHistory {
  readonly stored: LogRecord[] = [];
  /** The query of every request. */
  readonly requests: string[] = [];
  readonly signals: AbortSignal[] = [];
  /** Records in a page at most, whatever is asked for. */
  pageSize = 1000;
  /** The next answers are partial: this many without any record. */
  emptyPages = 0;
  error: ServerError | null = null;
  #held: (() => void)[] | null = null;

  /** Answers wait until they are let go. */
  hold(): void {
    this.#held = [];
  }

  letGo(): void {
    for (const answer of this.#held ?? []) answer();
    this.#held = null;
  }

  readonly read: ReadPage = async (parameters, signal) => {
    this.signals.push(signal);
    this.requests.push(new URLSearchParams(parameters).toString());
    if (this.#held !== null) await new Promise<void>((resolve) => this.#held?.push(resolve));
    signal.throwIfAborted();
    if (this.error !== null) throw this.error;
    return this.#page(new Map(parameters));
  };

  #page(parameters: ReadonlyMap<string, string>): HistoryPage {
    const ascending = parameters.get("order") === "asc";
    const cursor = parameters.get("cursor");
    if (this.emptyPages > 0) {
      this.emptyPages -= 1;
      return { records: [], nextCursor: cursor ?? "", scannedUntil: "2026-01-01T00:50:00.000000Z" };
    }
    const [start = "", end = "~"] = [parameters.get("start"), parameters.get("end")];
    const [afterTime = "", afterSequence = ""] = (cursor ?? "").split("/");
    const after = { time: afterTime, sequence: afterSequence };
    const ordered = this.stored
      .filter(({ time }) => time >= start && time < end)
      .sort((a, b) => (ascending ? compare(a, b) : compare(b, a)))
      .filter((record) => !cursor || (ascending ? compare(record, after) > 0 : compare(record, after) < 0));
    const limit = Math.min(Number(parameters.get("limit")), this.pageSize);
    const records = ordered.slice(0, limit);
    const last = records.at(-1);
    const more = ordered.length > limit;
    return {
      records,
      nextCursor: more && last ? `${last.time}/${last.sequence}` : null,
      scannedUntil: more && last ? last.time : null,
    };
  }
}

export const UNREACHABLE = new ServerError("unreachable", "/api/logs");
