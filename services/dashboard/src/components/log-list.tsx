/**
 * The list, newest on top. While the reader is at the top it follows; scrolled away, it stays as it is and counts what arrives.
 * Only the part in reach is on the screen: it grows as the reader scrolls down.
 */
import { useRef, useState } from "react";
import type { LiveView, Snapshot } from "../live-view";
import { isEverything } from "../records/filter";
import { NoticeRow } from "./notice-row";
import { RecordRow } from "./record-row";

const STEP_ROWS = 200;
const NEAR_END_PX = 800;
const AT_TOP_PX = 4;

export function LogList({ view, snapshot }: { view: LiveView; snapshot: Snapshot }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [limit, setLimit] = useState(STEP_ROWS);
  const { entries, held, older } = snapshot;

  const onScroll = (place: HTMLDivElement) => {
    const away = place.scrollTop > AT_TOP_PX;
    view.setScrolledAway(away);
    if (!away) setLimit(STEP_ROWS);
    else if (place.scrollHeight - place.scrollTop - place.clientHeight < NEAR_END_PX) {
      setLimit((rows) => (rows < entries.length ? rows + STEP_ROWS : rows));
    }
  };
  const follow = () => {
    scroller.current?.scrollTo(0, 0);
    view.follow();
  };

  return (
    <section className="list" aria-label="Log records">
      <div className="state">
        <p>{countOf(snapshot)}</p>
        {held && (
          <button type="button" className="follow" onClick={follow}>
            {newOf(snapshot)}
          </button>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard */}
      <div ref={scroller} className="scroller" tabIndex={0} onScroll={(event) => onScroll(event.currentTarget)}>
        <ol className="rows">
          {entries
            .slice(0, limit)
            .map((entry) =>
              entry.kind === "record" ? (
                <RecordRow key={entry.record.sequence} record={entry.record} />
              ) : (
                <NoticeRow
                  key={entry.notice.id}
                  notice={entry.notice}
                  busy={older === "loading"}
                  fill={(noticeId) => void view.fill(noticeId)}
                />
              ),
            )}
        </ol>
        {entries.length > limit ? (
          <ListEnd label="Show more" onPress={() => setLimit((rows) => rows + STEP_ROWS)} />
        ) : (
          <OlderRecords view={view} snapshot={snapshot} />
        )}
      </div>
    </section>
  );
}

function OlderRecords({ view, snapshot }: { view: LiveView; snapshot: Snapshot }) {
  const { older, filter, size } = snapshot;
  if (older === "full") {
    return (
      <p className="list-end">
        This page holds no more than {size.toLocaleString()} records. A filter brings older ones into reach.
      </p>
    );
  }
  const empty = shownRecords(snapshot) === 0;
  const everything = isEverything(filter);
  if (older === "end")
    return (
      <p className="list-end">
        {empty && !everything ? "No stored record matches the filter." : "These are the oldest stored records."}
      </p>
    );
  if (empty && everything)
    return <p className="list-end">{older === "loading" ? "Reading the latest records" : "Waiting for records"}</p>;
  return (
    <>
      {empty && <p className="list-end">None of the records held here matches the filter.</p>}
      <ListEnd
        label={older === "loading" ? "Loading" : "Load older"}
        disabled={older === "loading"}
        onPress={() => void view.loadOlder()}
      />
    </>
  );
}

function ListEnd({ label, disabled = false, onPress }: { label: string; disabled?: boolean; onPress: () => void }) {
  return (
    <p className="list-end">
      <button type="button" disabled={disabled} onClick={onPress}>
        {label}
      </button>
    </p>
  );
}

function shownRecords({ entries }: Snapshot): number {
  return entries.reduce((count, entry) => count + (entry.kind === "record" ? 1 : 0), 0);
}

function countOf(snapshot: Snapshot): string {
  const { size, filter } = snapshot;
  const shown = shownRecords(snapshot);
  if (isEverything(filter)) return `${shown.toLocaleString()} ${shown === 1 ? "record" : "records"}, newest first`;
  return `${shown.toLocaleString()} of ${size.toLocaleString()} records match, newest first`;
}

function newOf({ waiting, waitingOverflowed, paused }: Snapshot): string {
  const count = `${waiting.toLocaleString()}${waitingOverflowed ? "+" : ""} new`;
  return paused ? `Paused, ${count}: go on` : `${count}: back to the top`;
}
