/** One question to the query service: JSON in, or an error that says what the server said. It must not know what is asked. */
import type { Parameters } from "../records/filter";

/** unreachable: no answer came. unreadable: an answer came that this page does not understand. refused: the server said no. */
export type ErrorKind = "unreachable" | "unreadable" | "refused";

/** A parameter that the server did not take. */
export interface Problem {
  readonly name: string;
  readonly value: string;
  readonly expected: string;
}

/** Why the server gave no answer. `title` and `details` are the server's own words, empty unless it refused. */
export class ServerError extends Error {
  readonly kind: ErrorKind;
  readonly address: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly problems: readonly Problem[];

  constructor(
    kind: ErrorKind,
    address: string,
    said: Partial<Pick<ServerError, "status" | "title" | "detail" | "problems">> = {},
  ) {
    super(`${kind}: ${address}`);
    this.kind = kind;
    this.address = address;
    this.status = said.status ?? 0;
    this.title = said.title ?? "";
    this.detail = said.detail ?? "";
    this.problems = said.problems ?? [];
  }
}

/** The parsed JSON of `path`. Rejects with ServerError, or with the signal's reason when it was aborted. */
export async function askJson(path: string, parameters: Parameters, signal: AbortSignal): Promise<unknown> {
  const address = addressOf(path, parameters);
  const response = await ask(address, signal);
  const body: unknown = await response.json().catch(() => undefined);
  signal.throwIfAborted();
  if (body === undefined) throw new ServerError("unreadable", address);
  return body;
}

/** The answer to `address` when its status is a good one. Rejects like askJson. */
export async function ask(address: string, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { signal, headers: { Accept: "application/json, application/problem+json, */*" } });
  } catch {
    signal.throwIfAborted();
    throw new ServerError("unreachable", address);
  }
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => null);
  signal.throwIfAborted();
  throw refusalOf(address, response.status, body);
}

export function addressOf(path: string, parameters: Parameters): string {
  return parameters.length === 0 ? path : `${path}?${new URLSearchParams(parameters)}`;
}

/** The error that a problem+json body (RFC 9457) describes; without a readable one, the status alone. */
export function refusalOf(address: string, status: number, body: unknown): ServerError {
  const { title, detail, problems } = (typeof body === "object" && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  return new ServerError("refused", address, {
    status,
    title: typeof title === "string" ? title : "",
    detail: typeof detail === "string" ? detail : "",
    problems: Array.isArray(problems) ? problems.map(problemOf).filter((problem) => problem !== null) : [],
  });
}

function problemOf(value: unknown): Problem | null {
  if (typeof value !== "object" || value === null) return null;
  const { name, value: given, expected } = value as Record<string, unknown>;
  return typeof name === "string" ? { name, value: String(given), expected: String(expected) } : null;
}
