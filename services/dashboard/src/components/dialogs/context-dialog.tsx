/** The records around one, of its node or of all. */
import { useEffect, useRef, useState } from "react";
import { ServerError } from "../../history/ask";
import { type Context, MOST_AROUND, readContext, type Scope } from "../../history/context";
import { recordWords } from "../../texts/record";
import { ErrorText } from "../messages/error-text";
import { Dialog } from "../overlay/dialog";
import { useWords } from "../preferences/preferences-context";
import type { RecordActions } from "../record/record-actions";
import { RecordRow } from "../record/record-row";
import "./dialogs.css";

const STEP = 20;

interface Properties {
  sequence: string;
  actions: RecordActions;
  onClose: () => void;
}

interface Asked {
  readonly scope: Scope;
  readonly newer: number;
  readonly older: number;
  readonly attempt: number;
}

export function ContextDialog({ sequence, actions, onClose }: Properties) {
  const words = useWords(recordWords);
  const [asked, setAsked] = useState<Asked>({ scope: "node", newer: STEP, older: STEP, attempt: 0 });
  const { context, error } = useContextOf(sequence, asked);
  return (
    <Dialog title={words.contextOf(sequence)} wide onClose={onClose}>
      <div className="context-choice">
        <fieldset className="scopes" aria-label={words.scope}>
          {(["node", "all"] as const).map((scope) => (
            <button
              key={scope}
              type="button"
              aria-pressed={asked.scope === scope}
              onClick={() => setAsked({ ...asked, scope, newer: STEP, older: STEP })}
            >
              {scope === "node" ? words.sameNode : words.allNodes}
            </button>
          ))}
        </fieldset>
        <p role="status">
          {context === null ? (error === null ? words.reading : "") : words.shown(context.records.length)}
        </p>
      </div>
      {error && (
        <div className="banner" data-kind="error" role="alert">
          {error.status === 404 ? <p>{words.notStored}</p> : <ErrorText error={error} />}
          <button type="button" onClick={() => setAsked({ ...asked, attempt: asked.attempt + 1 })}>
            {words.tryAgain}
          </button>
        </div>
      )}
      {context && <Surroundings context={context} asked={asked} ask={setAsked} actions={actions} />}
    </Dialog>
  );
}

interface SurroundingsProperties {
  context: Context;
  asked: Asked;
  ask: (asked: Asked) => void;
  actions: RecordActions;
}

function Surroundings({ context, asked, ask, actions }: SurroundingsProperties) {
  const words = useWords(recordWords);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const list = useRef<HTMLOListElement>(null);
  const { sequence } = context.record;
  useEffect(() => {
    const row = list.current?.querySelector(`[data-sequence="${CSS.escape(sequence)}"]`);
    row?.scrollIntoView({ block: "center" });
  }, [sequence]);
  const toggle = (toggled: string) => {
    const next = new Set(open);
    if (!next.delete(toggled)) next.add(toggled);
    setOpen(next);
  };
  const { newer, older } = asked;
  const more = (count: number) => Math.min(count * 2 + STEP, MOST_AROUND);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard
    <section className="surroundings" tabIndex={0} aria-label={words.contextOf(sequence)}>
      <p className="list-end">
        {context.complete.newer ? (
          words.noNewer(asked.scope)
        ) : (
          <button type="button" disabled={newer >= MOST_AROUND} onClick={() => ask({ ...asked, newer: more(newer) })}>
            {words.newer}
          </button>
        )}
      </p>
      <ol ref={list} className="records">
        {context.records.map((record) => (
          <li key={record.sequence} aria-current={record.sequence === sequence ? "true" : undefined}>
            <RecordRow
              record={record}
              expanded={open.has(record.sequence)}
              active={record.sequence === sequence}
              onToggle={toggle}
              actions={actions}
              inTabOrder
            />
          </li>
        ))}
      </ol>
      <p className="list-end">
        {context.complete.older ? (
          words.noOlder(asked.scope)
        ) : (
          <button type="button" disabled={older >= MOST_AROUND} onClick={() => ask({ ...asked, older: more(older) })}>
            {words.older}
          </button>
        )}
      </p>
    </section>
  );
}

function useContextOf(sequence: string, asked: Asked): { context: Context | null; error: ServerError | null } {
  const [context, setContext] = useState<Context | null>(null);
  const [error, setError] = useState<ServerError | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    setError(null);
    readContext({ sequence, ...asked }, abort.signal).then(setContext, (cause) => {
      if (abort.signal.aborted) return;
      if (!(cause instanceof ServerError)) throw cause;
      setContext(null);
      setError(cause);
    });
    return () => abort.abort();
  }, [sequence, asked]);
  return { context: context?.record.sequence === sequence ? context : null, error };
}
