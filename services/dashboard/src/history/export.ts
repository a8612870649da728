/** Exports all records of a view through /api/logs/export. It must not know where the bytes go. */
import { type Filter, type Parameters, parametersOf, type Range, rangeParametersOf } from "../records/filter";
import { addressOf, request } from "./request";

export type Format = "ndjson" | "csv";

export interface ExportChoice {
  readonly format: Format;
  readonly order: "desc" | "asc";
  /** "" for as many as the server exports at once. */
  readonly maxRecords: string;
  /** Where the previous export ended; null for the beginning. */
  readonly cursor: string | null;
}

export interface ExportProgress {
  readonly records: number;
  readonly bytes: number;
  /** How many records match; null when the server did not say. */
  readonly matching: number | null;
}

export interface ExportEnd extends ExportProgress {
  /** Null when it cannot be known: CSV cannot say it, so the headers decide. */
  readonly complete: boolean | null;
  /** Where to continue; null at the end. */
  readonly nextCursor: string | null;
}

/** Takes the bytes in order. */
export interface Sink {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** The response was cut off or does not end as an export does: what was written is incomplete. */
export class BrokenExport extends Error {}

export function exportAddress(filter: Filter, range: Range, choice: ExportChoice): string {
  const parameters: Parameters = [
    ...parametersOf(filter),
    ...rangeParametersOf(range),
    ["format", choice.format],
    ["order", choice.order],
  ];
  if (choice.maxRecords !== "") parameters.push(["max_records", choice.maxRecords]);
  if (choice.cursor !== null) parameters.push(["cursor", choice.cursor]);
  return addressOf("/api/logs/export", parameters);
}

interface ExportRun {
  readonly address: string;
  readonly format: Format;
  readonly sink: Sink;
  readonly onProgress: (progress: ExportProgress) => void;
  readonly signal: AbortSignal;
}

/** Reads the export to its end. Rejects with ServerError, BrokenExport, the sink's error, or the signal's reason when aborted. */
export async function runExport({ address, format, sink, onProgress, signal }: ExportRun): Promise<ExportEnd> {
  const response = await request(address, signal);
  const matching = numberIn(response.headers, "X-Logstream-Matching-Records");
  const limit = numberIn(response.headers, "X-Logstream-Max-Records");
  const counter = format === "ndjson" ? new NdjsonCounter() : new CsvCounter(matching, limit);
  let bytes = 0;
  const progress = (): ExportProgress => ({ records: counter.records, bytes, matching });
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    let piece: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
    try {
      piece = await reader.read();
    } catch (cause) {
      signal.throwIfAborted();
      throw new BrokenExport(String(cause));
    }
    if (piece.done) break;
    bytes += piece.value.length;
    counter.take(piece.value);
    await sink.write(piece.value);
    onProgress(progress());
  }
  return { ...progress(), ...counter.end() };
}

function numberIn(headers: Headers, name: string): number | null {
  const number = Number.parseInt(headers.get(name) ?? "", 10);
  return Number.isNaN(number) ? null : number;
}

const [LINE_FEED, QUOTE] = [0x0a, 0x22];

/** Counts lines and keeps the last, which says whether the export is complete. */
class NdjsonCounter {
  #lines = 0;
  /** The last line that ended, in its pieces, and the beginning of the next. */
  #ended: Uint8Array[] = [];
  #last: Uint8Array[] = [];

  get records(): number {
    return this.#lines;
  }

  take(piece: Uint8Array): void {
    let start = 0;
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, start)) {
      this.#lines += 1;
      this.#ended = [...this.#last, piece.subarray(start, end)];
      this.#last = [];
      start = end + 1;
    }
    if (start < piece.length) this.#last.push(piece.slice(start));
  }

  end(): Pick<ExportEnd, "records" | "complete" | "nextCursor"> {
    const end = readLastLine(new TextDecoder().decode(joined(this.#ended)));
    if (end === null || this.#last.length > 0) throw new BrokenExport("the last line is missing");
    return { records: this.#lines - 1, ...end };
  }
}

function readLastLine(line: string): { complete: boolean; nextCursor: string | null } | null {
  try {
    const { logstream_export: end } = JSON.parse(line) as { logstream_export?: Record<string, unknown> };
    if (typeof end?.complete !== "boolean") return null;
    return { complete: end.complete, nextCursor: typeof end.next_cursor === "string" ? end.next_cursor : null };
  } catch {
    return null;
  }
}

/** Counts rows: line ends outside of quotes, less the header. */
class CsvCounter {
  #rows = -1;
  #quoted = false;
  #open = false;
  #matching: number | null;
  #limit: number | null;

  constructor(matching: number | null, limit: number | null) {
    this.#matching = matching;
    this.#limit = limit;
  }

  get records(): number {
    return Math.max(this.#rows, 0);
  }

  take(piece: Uint8Array): void {
    for (const byte of piece) {
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      this.#open = byte !== LINE_FEED || this.#quoted;
      if (!this.#open) this.#rows += 1;
    }
  }

  end(): Pick<ExportEnd, "records" | "complete" | "nextCursor"> {
    if (this.#rows < 0) throw new BrokenExport("the header row is missing");
    if (this.#open) throw new BrokenExport("the last row is cut off");
    return { records: this.records, complete: this.#complete(), nextCursor: null };
  }

  /** Fewer rows than the limit are all there are; if the limit is reached, only the number of matches can tell. */
  #complete(): boolean | null {
    if (this.#limit === null) return null;
    if (this.records < this.#limit) return true;
    return this.#matching === null ? null : this.#matching <= this.records;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
