/** Reads the records around a record, from /api/logs/<sequence>/context. */
import { type LogRecord, recordOf, recordsOf } from "../records/record";
import { addressOf, requestJson, ServerError } from "./request";

export type Scope = "node" | "all";
/** The most that the route returns on each side. */
export const MAX_AROUND = 500;

export interface Context {
  /** Newest first, including the record itself. */
  readonly records: readonly LogRecord[];
  readonly record: LogRecord;
  /** True for a side on which nothing more is stored. */
  readonly complete: { readonly newer: boolean; readonly older: boolean };
}

interface ContextRange {
  readonly sequence: string;
  readonly scope: Scope;
  readonly newer: number;
  readonly older: number;
}

/** Rejects with ServerError, with status 404 when the record is not stored; with the signal's reason when aborted. */
export async function readContext(
  { sequence, scope, newer, older }: ContextRange,
  signal: AbortSignal,
): Promise<Context> {
  const path = `/api/logs/${encodeURIComponent(sequence)}/context`;
  const parameters: [string, string][] = [
    ["before", String(older)],
    ["after", String(newer)],
    ["scope", scope],
  ];
  const context = contextOf(await requestJson(path, parameters, signal), { newer, older });
  if (context === null) throw new ServerError("unreadable", addressOf(path, parameters));
  return context;
}

/**
 * The context in a parsed JSON value, or null when it isn't one. The route also calls a side complete when it returned as many
 * records as requested, so only a side with fewer is at its end.
 */
export function contextOf(body: unknown, requested: Pick<ContextRange, "newer" | "older">): Context | null {
  if (typeof body !== "object" || body === null) return null;
  const { before, record, after, complete } = body as Record<string, unknown>;
  const [older, target, newer] = [recordsOf(before), recordOf(record), recordsOf(after)];
  if (older === null || target === null || newer === null) return null;
  const sides = (typeof complete === "object" && complete !== null ? complete : {}) as Record<string, unknown>;
  const ended = (side: typeof older, limit: number) => side.records.length + side.unreadable < limit;
  return {
    records: [...newer.records.toReversed(), target, ...older.records.toReversed()],
    record: target,
    complete: {
      newer: sides.after === true && ended(newer, requested.newer),
      older: sides.before === true && ended(older, requested.older),
    },
  };
}
