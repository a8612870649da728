/** The records around one, of /api/logs/<sequence>/context. */
import { type LogRecord, recordOf, recordsOf } from "../records/record";
import { addressOf, askJson, ServerError } from "./ask";

export type Scope = "node" | "all";
/** The most that the route gives on each side. */
export const MOST_AROUND = 500;

export interface Context {
  /** Newest first, with the record itself among them. */
  readonly records: readonly LogRecord[];
  readonly record: LogRecord;
  /** Whether it is known that nothing more is stored on a side. */
  readonly complete: { readonly newer: boolean; readonly older: boolean };
}

interface Around {
  readonly sequence: string;
  readonly scope: Scope;
  readonly newer: number;
  readonly older: number;
}

/** Rejects with ServerError, of status 404 when the record isn't stored; with the signal's reason once aborted. */
export async function readContext({ sequence, scope, newer, older }: Around, signal: AbortSignal): Promise<Context> {
  const path = `/api/logs/${encodeURIComponent(sequence)}/context`;
  const parameters: [string, string][] = [
    ["before", String(older)],
    ["after", String(newer)],
    ["scope", scope],
  ];
  const context = contextOf(await askJson(path, parameters, signal), { newer, older });
  if (context === null) throw new ServerError("unreadable", addressOf(path, parameters));
  return context;
}

/**
 * The context in a parsed JSON value, or null when it isn't one. The route calls a side complete also when it gave as many as were
 * asked for, so only one that gave fewer has an end.
 */
export function contextOf(body: unknown, asked: Pick<Around, "newer" | "older">): Context | null {
  if (typeof body !== "object" || body === null) return null;
  const { before, record, after, complete } = body as Record<string, unknown>;
  const [older, itself, newer] = [recordsOf(before), recordOf(record), recordsOf(after)];
  if (older === null || itself === null || newer === null) return null;
  const sides = (typeof complete === "object" && complete !== null ? complete : {}) as Record<string, unknown>;
  const ended = (given: typeof older, most: number) => given.records.length + given.unreadable < most;
  return {
    records: [...newer.records.toReversed(), itself, ...older.records.toReversed()],
    record: itself,
    complete: {
      newer: sides.after === true && ended(newer, asked.newer),
      older: sides.before === true && ended(older, asked.older),
    },
  };
}
