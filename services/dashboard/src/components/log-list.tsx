/**
 * The list, newest on top. While the reader is at the top it follows; scrolled away, it stays as it is and counts what arrives.
 * Only what is on the screen, and a little around it, are elements.
 */
import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import type { LogView, Snapshot } from "../log-view";
import type { Entries } from "../records/entries";
import type { Place } from "../records/order";
import { pageWords } from "../words/page";
import { ListEnd } from "./list-end";
import { NoticeRow } from "./notice-row";
import { useWords } from "./preferences-context";
import { type RecordActions, RecordRow } from "./record-row";
import { type ListKeys, useListKeys } from "./use-list-keys";

/** Of a record's line, and of a notice until it is measured. */
const ROW_PX = 24;
const NOTICE_PX = 40;
const OVERSCAN_ROWS = 12;
const AT_TOP_PX = 4;
/** This close to an end, more is read. */
const NEAR_END_ROWS = 100;

interface Properties {
  view: LogView;
  snapshot: Snapshot;
  actions: RecordActions;
}

export function LogList({ view, snapshot, actions }: Properties) {
  const scroller = useRef<HTMLDivElement>(null);
  const { entries, held, generation, progress } = snapshot;
  const words = useWords(pageWords);
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
  useKeptPlace(scroller, virtualizer, entries, held, generation);
  useSelectionHold(scroller, view);
  const items = virtualizer.getVirtualItems();
  useShown(view, virtualizer, entries, scroller);

  const onScroll = (place: HTMLDivElement) => {
    const away = place.scrollTop > AT_TOP_PX;
    if (!away && snapshot.waiting > 0 && view.snapshot().entries === entries && held) keys.setActive(null);
    view.setScrolledAway(away);
    const last = virtualizer.range?.endIndex ?? 0;
    if (away && progress.state === "idle" && entries.size - last < NEAR_END_ROWS) void view.readOlder();
    if (away && (virtualizer.range?.startIndex ?? NEAR_END_ROWS) < NEAR_END_ROWS) void view.readNewer();
  };

  return (
    <section className="list" aria-label={words.records}>
      <div className="state">
        <p>{words.held(entries.records.length)}</p>
        {held && (
          <button type="button" className="follow" onClick={follow}>
            {snapshot.paused ? words.goOn(snapshot.waiting) : words.newRecords(snapshot.waiting)}
          </button>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard */}
      <div ref={scroller} className="scroller" tabIndex={0} onScroll={(event) => onScroll(event.currentTarget)}>
        <ol className="rows" style={{ height: virtualizer.getTotalSize() }}>
          {items.map((item) => (
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

type List = Virtualizer<HTMLDivElement, Element>;

/** Where the first row on the screen stood; when rows are put in or go above it, the list scrolls with them. */
function useKeptPlace(
  scroller: RefObject<HTMLDivElement | null>,
  virtualizer: List,
  entries: Entries,
  held: boolean,
  generation: number,
) {
  const kept = useRef<{ entries: Entries; generation: number } | null>(null);
  useLayoutEffect(() => {
    const before = kept.current;
    kept.current = { entries, generation };
    const element = scroller.current;
    if (before === null || element === null || before.entries === entries) return;
    if (before.generation !== generation) {
      element.scrollTo(0, 0);
      return;
    }
    if (!held) return;
    const moved = movedRows(before.entries, entries, before.entries.records[0]) * ROW_PX;
    if (moved !== 0 && element.scrollTop > AT_TOP_PX) element.scrollTop += moved;
  }, [entries, generation, held, scroller]);
  // The rows' heights differ only where one is open or a notice: the estimate is corrected by the virtual list as it measures.
  virtualizer.shouldAdjustScrollPositionOnItemSizeChange = (item, _delta, list) =>
    held && item.start < (list.scrollOffset ?? 0);
}

/** By how many rows the place of what was the first record has moved down; negative when newer ones have gone. */
function movedRows(before: Entries, after: Entries, first: Place | undefined): number {
  if (first === undefined) return 0;
  const now = after.indexOf(first);
  if (now >= 0) return now - before.indexOf(first);
  const newest = after.records[0];
  return newest === undefined ? 0 : after.indexOf(newest) - before.indexOf(newest);
}

/** Tells which records are on the screen, so that late ones are put in elsewhere only. */
function useShown(view: LogView, virtualizer: List, entries: Entries, scroller: RefObject<HTMLDivElement | null>) {
  useEffect(() => {
    const top = scroller.current?.scrollTop ?? 0;
    const bottom = top + (scroller.current?.clientHeight ?? 0);
    const records = virtualizer
      .getVirtualItems()
      .filter((item) => item.end > top && item.start < bottom)
      .map((item) => entries.at(item.index))
      .flatMap((entry) => (entry?.kind === "record" ? [entry.record] : []));
    const [newest, oldest] = [records[0], records.at(-1)];
    view.setShown(newest && oldest ? { newest, oldest } : null);
  });
}

/** Text that is being selected must not move away. */
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
