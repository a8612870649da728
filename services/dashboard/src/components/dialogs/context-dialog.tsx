/** Shows the records around a record, of its node or of all nodes. */
import { useEffect, useRef, useState } from "react";
import { type Context, MAX_AROUND, readContext, type Scope } from "../../history/context";
import { ServerError } from "../../history/request";
import { recordTexts } from "../../texts/record";
import { ErrorText } from "../messages/error-text";
import { Dialog } from "../overlay/dialog";
import { useTexts } from "../preferences/preferences-context";
import type { RecordActions } from "../record/record-actions";
import { RecordRow } from "../record/record-row";
import "./dialogs.css";

const STEP = 20;

interface Properties {
  sequence: string;
  actions: RecordActions;
  onClose: () => void;
}

interface ContextRequest {
  readonly scope: Scope;
  readonly newer: number;
  readonly older: number;
  readonly attempt: number;
}

export function ContextDialog({ sequence, actions, onClose }: Properties) {
  const texts = useTexts(recordTexts);
  const [request, setRequest] = useState<ContextRequest>({ scope: "node", newer: STEP, older: STEP, attempt: 0 });
  const { context, error } = useContextOf(sequence, request);
  return (
    <Dialog title={texts.contextOf(sequence)} wide onClose={onClose}>
      <div className="context-choice">
        <fieldset className="scopes" aria-label={texts.scope}>
          {(["node", "all"] as const).map((scope) => (
            <button
              key={scope}
              type="button"
              aria-pressed={request.scope === scope}
              onClick={() => setRequest({ ...request, scope, newer: STEP, older: STEP })}
            >
              {scope === "node" ? texts.sameNode : texts.allNodes}
            </button>
          ))}
        </fieldset>
        <p role="status">
          {context === null ? (error === null ? texts.reading : "") : texts.shown(context.records.length)}
        </p>
      </div>
      {error && (
        <div className="banner" data-kind="error" role="alert">
          {error.status === 404 ? <p>{texts.notStored}</p> : <ErrorText error={error} />}
          <button type="button" onClick={() => setRequest({ ...request, attempt: request.attempt + 1 })}>
            {texts.tryAgain}
          </button>
        </div>
      )}
      {context && <Surroundings context={context} request={request} onRequest={setRequest} actions={actions} />}
    </Dialog>
  );
}

interface SurroundingsProperties {
  context: Context;
  request: ContextRequest;
  onRequest: (request: ContextRequest) => void;
  actions: RecordActions;
}

function Surroundings({ context, request, onRequest, actions }: SurroundingsProperties) {
  const texts = useTexts(recordTexts);
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
  const { newer, older } = request;
  const more = (count: number) => Math.min(count * 2 + STEP, MAX_AROUND);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard
    <section className="surroundings" tabIndex={0} aria-label={texts.contextOf(sequence)}>
      <p className="list-end">
        {context.complete.newer ? (
          texts.noNewer(request.scope)
        ) : (
          <button
            type="button"
            disabled={newer >= MAX_AROUND}
            onClick={() => onRequest({ ...request, newer: more(newer) })}
          >
            {texts.newer}
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
          texts.noOlder(request.scope)
        ) : (
          <button
            type="button"
            disabled={older >= MAX_AROUND}
            onClick={() => onRequest({ ...request, older: more(older) })}
          >
            {texts.older}
          </button>
        )}
      </p>
    </section>
  );
}

function useContextOf(
  sequence: string,
  request: ContextRequest,
): { context: Context | null; error: ServerError | null } {
  const [context, setContext] = useState<Context | null>(null);
  const [error, setError] = useState<ServerError | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    setError(null);
    readContext({ sequence, ...request }, abort.signal).then(setContext, (cause) => {
      if (abort.signal.aborted) return;
      if (!(cause instanceof ServerError)) throw cause;
      setContext(null);
      setError(cause);
    });
    return () => abort.abort();
  }, [sequence, request]);
  return { context: context?.record.sequence === sequence ? context : null, error };
}
