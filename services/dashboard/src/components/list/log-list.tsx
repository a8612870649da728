/**
 * The list, newest on top. While the reader is at the top it follows; once scrolled away, it stays as it is and counts new records.
 * Only the rows on the screen, and a few around it, are elements.
 */
import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import type { LogView } from "../../log-view/log-view";
import type { Snapshot } from "../../log-view/snapshot";
import type { Entries } from "../../records/entries";
import type { SortKey } from "../../records/order";
import { pageTexts } from "../../texts/page";
import { useTexts } from "../preferences/preferences-context";
import type { RecordActions } from "../record/record-actions";
import { RecordRow } from "../record/record-row";
import { ListEnd } from "./list-end";
import { NoticeRow } from "./notice-row";
import { type ListKeys, useListKeys } from "./use-list-keys";
import "./list.css";

/** Height of a record's line, and of a notice until it is measured. */
const ROW_PX = 24;
const NOTICE_PX = 40;
const OVERSCAN_ROWS = 12;
const AT_TOP_PX = 4;
/** How long the list is held after the mouse has moved over it. */
const TOUCHING_MS = 700;
/** More is read this close to an end. */
const NEAR_END_ROWS = 100;

type List = Virtualizer<HTMLDivElement, Element>;

interface Properties {
  view: LogView;
  snapshot: Snapshot;
  actions: RecordActions;
}

export function LogList({ view, snapshot, actions }: Properties) {
  const scroller = useRef<HTMLDivElement>(null);
  const { entries, held } = snapshot;
  const texts = useTexts(pageTexts);
  const virtualizer = useVirtualizer({
    count: entries.size,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (entries.at(index)?.kind === "notice" ? NOTICE_PX : ROW_PX),
    getItemKey: (index) => entries.keyAt(index),
    overscan: OVERSCAN_ROWS,
  });
  const follow = () => {
    scroller.current?.scrollTo(0, 0);
    view.follow();
  };
  const keys = useListKeys({ view, snapshot, actions, virtualizer, scroller, follow });
  useSelectionHold(scroller, view);
  useTouchHold(scroller, view);
  const firstShown = useShown(view, virtualizer, entries, scroller);
  useStableScroll(scroller, virtualizer, snapshot, firstShown);
  useReadAhead(view, virtualizer, snapshot);

  return (
    <section className="list" aria-label={texts.records}>
      <div className="state">
        <p>{texts.held(entries.records.length, snapshot.progress.state === "end")}</p>
        <button
          type="button"
          className="pause"
          aria-pressed={snapshot.paused}
          aria-keyshortcuts="p"
          disabled={snapshot.live === "off"}
          onClick={() => view.setPaused(!snapshot.paused)}
        >
          {texts.pause}
        </button>
        {held && (
          <button type="button" className="follow" onClick={follow}>
            {snapshot.paused ? texts.resume(snapshot.waiting) : texts.newRecords(snapshot.waiting)}
          </button>
        )}
      </div>
      <div
        ref={scroller}
        className="scroller"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard
        tabIndex={0}
        onScroll={(event) => view.setScrolledAway(event.currentTarget.scrollTop > AT_TOP_PX)}
      >
        <ol className="rows" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map((item) => (
            <li
              key={item.key}
              ref={virtualizer.measureElement}
              className="row"
              data-index={item.index}
              aria-setsize={-1}
              aria-posinset={item.index + 1}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <Entry index={item.index} view={view} snapshot={snapshot} actions={actions} keys={keys} />
            </li>
          ))}
        </ol>
        <ListEnd view={view} snapshot={snapshot} />
      </div>
    </section>
  );
}

interface EntryProperties extends Properties {
  index: number;
  keys: ListKeys;
}

function Entry({ index, view, snapshot, actions, keys }: EntryProperties) {
  const entry = snapshot.entries.at(index);
  if (entry === undefined) return null;
  if (entry.kind === "notice")
    return (
      <NoticeRow
        notice={entry.notice}
        busy={snapshot.progress.state === "reading"}
        fill={(noticeId) => void view.fill(noticeId)}
      />
    );
  const { record } = entry;
  return (
    <RecordRow
      record={record}
      expanded={keys.expanded.has(record.sequence)}
      active={keys.active?.sequence === record.sequence}
      onToggle={keys.toggle}
      actions={actions}
    />
  );
}

/** Keeps the first visible record where it is: when rows are inserted or removed above it, the list scrolls along. */
function useStableScroll(
  scroller: RefObject<HTMLDivElement | null>,
  virtualizer: List,
  { entries, held, generation }: Snapshot,
  firstShown: RefObject<SortKey | null>,
) {
  const before = useRef({ entries, generation });
  useLayoutEffect(() => {
    const { entries: old, generation: oldGeneration } = before.current;
    before.current = { entries, generation };
    const element = scroller.current;
    if (element === null || old === entries) return;
    if (oldGeneration !== generation) element.scrollTo(0, 0);
    else if (held && firstShown.current !== null && element.scrollTop > AT_TOP_PX) {
      const [from, to] = [old.indexOf(firstShown.current), entries.indexOf(firstShown.current)];
      if (from >= 0 && to >= 0 && from !== to) element.scrollTop += (to - from) * ROW_PX;
    }
  }, [entries, generation, held, scroller, firstShown]);
  // Rows above that turn out to be higher than a line must not move the visible rows.
  virtualizer.shouldAdjustScrollPositionOnItemSizeChange = (item, _delta, list) =>
    held && item.start < (list.scrollOffset ?? 0);
}

/** Reports which records are on the screen, so that late ones are inserted elsewhere only. Returns the first of them. */
function useShown(
  view: LogView,
  virtualizer: List,
  entries: Entries,
  scroller: RefObject<HTMLDivElement | null>,
): RefObject<SortKey | null> {
  const first = useRef<SortKey | null>(null);
  useEffect(() => {
    const top = scroller.current?.scrollTop ?? 0;
    const bottom = top + (scroller.current?.clientHeight ?? 0);
    // By heights, not by the existing elements: after the list has scrolled, those come only with the next frame.
    const at = (offset: number) => virtualizer.getVirtualItemForOffset(offset)?.index ?? 0;
    const records: SortKey[] = [];
    for (let index = at(top); index <= at(bottom); index += 1) {
      const entry = entries.at(index);
      if (entry?.kind === "record") records.push(entry.record);
    }
    const [newest, oldest] = [records[0], records.at(-1)];
    first.current = newest ?? null;
    view.setShown(newest && oldest ? { newest, oldest } : null);
  });
  return first;
}

/** Reads more before the reader reaches an end of the records held. */
function useReadAhead(view: LogView, virtualizer: List, { entries, held, progress }: Snapshot) {
  const { startIndex, endIndex } = virtualizer.range ?? { startIndex: 0, endIndex: 0 };
  const nearOldest = held && startIndex > 0 && entries.size - endIndex < NEAR_END_ROWS;
  const nearNewest = held && startIndex > 0 && startIndex < NEAR_END_ROWS;
  useEffect(() => {
    if (nearOldest && progress.state === "idle") void view.readOlder();
  }, [view, nearOldest, progress.state]);
  useEffect(() => {
    if (nearNewest) void view.readNewer();
  }, [view, nearNewest]);
}

/** What the mouse moves towards or is pressed on must still be there when it is released. */
function useTouchHold(scroller: RefObject<HTMLDivElement | null>, view: LogView) {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    let pressed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hold = () => {
      clearTimeout(timer);
      view.setTouching(true);
      if (!pressed) timer = setTimeout(() => view.setTouching(false), TOUCHING_MS);
    };
    const onMove = (event: PointerEvent) => {
      if (event.pointerType === "mouse") hold();
    };
    const onDown = () => {
      pressed = true;
      hold();
    };
    const onUp = () => {
      if (!pressed) return;
      pressed = false;
      hold();
    };
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerdown", onDown);
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, onUp);
    return () => {
      clearTimeout(timer);
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerdown", onDown);
      for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, onUp);
    };
  }, [scroller, view]);
}

/** Text must not move away while it is selected. */
function useSelectionHold(scroller: RefObject<HTMLDivElement | null>, view: LogView) {
  useEffect(() => {
    const onSelection = () => {
      const selection = document.getSelection();
      const selecting = selection !== null && !selection.isCollapsed && selection.rangeCount > 0;
      view.setSelecting(
        selecting && scroller.current?.contains(selection.getRangeAt(0).commonAncestorContainer) === true,
      );
    };
    document.addEventListener("selectionchange", onSelection);
    return () => document.removeEventListener("selectionchange", onSelection);
  }, [scroller, view]);
}
