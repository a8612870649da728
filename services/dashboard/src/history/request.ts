/** Sends one request to the query service and returns its JSON, or an error with what the server said. It knows no route. */
import type { Parameters } from "../records/filter";

/** unreachable: no response. unreadable: a response that this page does not understand. refused: an error status. */
export type ErrorKind = "unreachable" | "unreadable" | "refused";

/** A parameter that the server rejected. */
export interface Problem {
  readonly name: string;
  readonly value: string;
  readonly expected: string;
}

/** Why a request failed. `title`, `detail` and `problems` are what the server said, empty unless it refused. */
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
    response: Partial<Pick<ServerError, "status" | "title" | "detail" | "problems">> = {},
  ) {
    super(`${kind}: ${address}`);
    this.kind = kind;
    this.address = address;
    this.status = response.status ?? 0;
    this.title = response.title ?? "";
    this.detail = response.detail ?? "";
    this.problems = response.problems ?? [];
  }
}

/** The parsed JSON of `path`. Rejects with ServerError, or with the signal's reason when it was aborted. */
export async function requestJson(path: string, parameters: Parameters, signal: AbortSignal): Promise<unknown> {
  const address = addressOf(path, parameters);
  const response = await request(address, signal);
  const body: unknown = await response.json().catch(() => undefined);
  signal.throwIfAborted();
  if (body === undefined) throw new ServerError("unreadable", address);
  return body;
}

/** The response from `address` if its status is 2xx. Rejects like requestJson. */
export async function request(address: string, signal: AbortSignal): Promise<Response> {
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

/** The error that a problem+json body (RFC 9457) describes; without a readable body, the status alone. */
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
  const { name, value: rejected, expected } = value as Record<string, unknown>;
  return typeof name === "string" ? { name, value: String(rejected), expected: String(expected) } : null;
}
