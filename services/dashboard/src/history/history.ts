/** Reads stored records from /api/logs. It must not know what is on the screen. */
import { type LogRecord, recordsOf } from "../records/record";

export interface HistoryPage {
  readonly records: LogRecord[];
  /** Where to read on; null at the end. */
  readonly nextCursor: string | null;
}

/** Why a request failed, in the server's words when it gave some (application/problem+json, RFC 9457). */
export class HistoryError extends Error {
  readonly title: string;
  readonly details: readonly string[];

  constructor(title: string, details: readonly string[]) {
    super([title, ...details].join(": "));
    this.name = "HistoryError";
    this.title = title;
    this.details = details;
  }
}

/** One page of /api/logs under these query parameters. Rejects with HistoryError, or with the signal's reason once aborted. */
export async function readPage(parameters: Record<string, string>, signal: AbortSignal): Promise<HistoryPage> {
  const address = `/api/logs?${new URLSearchParams(parameters)}`;
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(address, { signal, headers: { Accept: "application/json, application/problem+json" } });
    body = await response.json().catch(() => null);
  } catch {
    signal.throwIfAborted();
    throw new HistoryError("The server can't be reached", [`No answer from ${address}`]);
  }
  signal.throwIfAborted();
  if (!response.ok) throw problemOf(response.status, body);
  const page = pageOf(body);
  if (page === null)
    throw new HistoryError("The server's answer can't be read", [`${address} answered no page of records`]);
  return page;
}

/** The page in a parsed JSON value, or null when it isn't one. */
export function pageOf(body: unknown): HistoryPage | null {
  if (typeof body !== "object" || body === null) return null;
  const { records, next_cursor: nextCursor } = body as Record<string, unknown>;
  const read = recordsOf(records);
  if (read === null || (nextCursor !== null && nextCursor !== undefined && typeof nextCursor !== "string")) return null;
  return { records: read.records, nextCursor: nextCursor ?? null };
}

/** The error that a problem+json body describes; without a readable one, the status alone. */
export function problemOf(status: number, body: unknown): HistoryError {
  const { title, detail, problems } = (typeof body === "object" && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  const details = typeof detail === "string" && detail !== "" ? [detail] : [];
  if (Array.isArray(problems)) details.push(...problems.map(lineOf).filter((line) => line !== ""));
  if (details.length === 0) details.push(`HTTP status ${status}`);
  return new HistoryError(typeof title === "string" && title !== "" ? title : "The server could not answer", details);
}

function lineOf(problem: unknown): string {
  if (typeof problem !== "object" || problem === null) return "";
  const { name, value, expected } = problem as Record<string, unknown>;
  return typeof name === "string" ? `${name}=${String(value)}: expected ${String(expected)}` : "";
}
