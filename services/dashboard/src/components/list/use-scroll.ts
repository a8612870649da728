/** Scrolling in the list: what is on the screen, how it stays there, and when more is read. */
import type { Virtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";
import type { LogView } from "../../log-view/log-view";
import type { Snapshot } from "../../log-view/snapshot";
import type { SortKey } from "../../records/order";

/** Height of a record's line. */
export const ROW_PX = 24;
/** Scrolled no further than this, the reader is at the top. */
export const AT_TOP_PX = 4;
/** More is read this close to an end. */
const NEAR_END_ROWS = 100;

interface Scroll {
  readonly view: LogView;
  readonly snapshot: Snapshot;
  readonly virtualizer: Virtualizer<HTMLDivElement, Element>;
  readonly scroller: RefObject<HTMLDivElement | null>;
}

/** Keeps the first visible record where it is: when rows are inserted or removed above it, the list scrolls along. */
export function useStableScroll({ snapshot, virtualizer, scroller }: Scroll, firstShown: RefObject<SortKey | null>) {
  const { entries, held, generation } = snapshot;
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
export function useShown({ view, snapshot, virtualizer, scroller }: Scroll): RefObject<SortKey | null> {
  const { entries } = snapshot;
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
export function useReadAhead({ view, snapshot, virtualizer }: Scroll) {
  const { entries, held, progress } = snapshot;
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
