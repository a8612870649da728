/**
 * The list, newest on top. While the reader is at the top it follows; once scrolled away, it stays as it is and counts new records.
 * Only the rows on the screen, and a few around it, are elements.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import type { LogView } from "../../log-view/log-view";
import type { Snapshot } from "../../log-view/snapshot";
import { pageTexts } from "../../texts/page";
import { useTexts } from "../preferences/preferences-context";
import type { RecordActions } from "../record/record-actions";
import { RecordRow } from "../record/record-row";
import { ListEnd } from "./list-end";
import { NoticeRow } from "./notice-row";
import { useSelectionHold, useTouchHold } from "./use-holds";
import { type ListKeys, useListKeys } from "./use-list-keys";
import { AT_TOP_PX, ROW_PX, useReadAhead, useShown, useStableScroll } from "./use-scroll";
import "./list.css";

/** Height of a notice until it is measured. */
const NOTICE_PX = 40;
const OVERSCAN_ROWS = 12;

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
  const scroll = { view, snapshot, virtualizer, scroller };
  useStableScroll(scroll, useShown(scroll));
  useReadAhead(scroll);

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
