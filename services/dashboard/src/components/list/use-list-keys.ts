/** Keyboard use of the list: the active record, the open records, and what the keys do. */
import type { Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { copyText } from "../../browser/copy";
import { isTyping } from "../../browser/shortcuts";
import type { LogView } from "../../log-view/log-view";
import type { Snapshot } from "../../log-view/snapshot";
import type { LogRecord } from "../../records/record";
import { lineOf } from "../../records/record-text";
import type { RecordActions } from "../record/record-actions";

export interface ListKeys {
  readonly active: LogRecord | null;
  readonly expanded: ReadonlySet<string>;
  readonly toggle: (sequence: string) => void;
}

interface Options {
  readonly view: LogView;
  readonly snapshot: Snapshot;
  readonly actions: RecordActions;
  readonly virtualizer: Virtualizer<HTMLDivElement, Element>;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly follow: () => void;
}

export function useListKeys({ view, snapshot, actions, virtualizer, scroller, follow }: Options): ListKeys {
  const [active, setActive] = useState<LogRecord | null>(null);
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
  const toggle = useCallback(
    (sequence: string) => {
      setExpanded((open) => {
        const next = new Set(open);
        if (!next.delete(sequence)) next.add(sequence);
        return next;
      });
      // An opened record is being read, and is the active one.
      view.setPaused(true);
      setActive(view.snapshot().entries.records.find((record) => record.sequence === sequence) ?? null);
    },
    [view],
  );

  useEffect(() => {
    const { entries } = snapshot;
    const goTo = (record: LogRecord) => {
      view.setPaused(true);
      setActive(record);
      virtualizer.scrollToIndex(entries.indexOf(record));
      // The row exists once the list has scrolled.
      requestAnimationFrame(() => rowOf(scroller.current, record.sequence)?.focus({ preventScroll: true }));
    };
    const step = (by: number) => {
      const { records } = entries;
      const from = active === null ? -1 : records.indexOf(active);
      const next = active === null ? firstShown() : records[from + by];
      if (next !== undefined) goTo(next);
    };
    const firstShown = () => {
      const entry = entries.at(virtualizer.range?.startIndex ?? 0);
      return entry?.kind === "record" ? entry.record : entries.records[0];
    };
    const atActive: Record<string, (record: LogRecord) => void> = {
      c: (record) => void copyText(lineOf(record)),
      l: (record) => void copyText(actions.linkOf(record.sequence)),
      x: (record) => actions.openContext(record.sequence),
      Enter: (record) => toggle(record.sequence),
    };
    const anywhere: Record<string, () => void> = {
      j: () => step(1),
      ArrowDown: () => step(1),
      k: () => step(-1),
      ArrowUp: () => step(-1),
      g: follow,
      Home: follow,
      G: () => virtualizer.scrollToIndex(entries.size - 1),
      Escape: () => setExpanded(new Set()),
      End: () => virtualizer.scrollToIndex(entries.size - 1),
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
      // A button keeps its own keys.
      const onControl = event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement;
      if (onControl && event.key === "Enter") return;
      if (Object.hasOwn(anywhere, event.key)) anywhere[event.key]?.();
      else if (active !== null && Object.hasOwn(atActive, event.key)) atActive[event.key]?.(active);
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [view, snapshot, actions, virtualizer, scroller, follow, active, toggle]);

  // A focused row that is removed loses the focus, and the keys would have no effect.
  const hadFocus = useRef(false);
  useLayoutEffect(() => {
    const inList = scroller.current?.contains(document.activeElement) === true;
    if (hadFocus.current && document.activeElement === document.body) scroller.current?.focus({ preventScroll: true });
    hadFocus.current = inList || document.activeElement === scroller.current;
  });

  return { active, expanded, toggle };
}

function rowOf(scroller: HTMLElement | null, sequence: string): HTMLElement | null {
  return scroller?.querySelector<HTMLElement>(`[data-sequence="${CSS.escape(sequence)}"] .line`) ?? null;
}
