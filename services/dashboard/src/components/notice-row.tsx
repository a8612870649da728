/** A range that the stream left out, with the button that reads it from history. */
import type { Notice } from "../records/notice";
import { clockTime } from "./clock-time";
import { VisibleText } from "./visible-text";

interface Properties {
  notice: Notice;
  /** True while the page reads something: one thing at a time. */
  busy: boolean;
  fill: (noticeId: string) => void;
}

export function NoticeRow({ notice, busy, fill }: Properties) {
  const { filling, loaded, reason } = notice;
  return (
    <li className="row notice" data-notice={notice.kind}>
      <p>
        <strong>{titleOf(notice)}</strong> <When notice={notice} />
        {reason !== "" && (
          <>
            {" ("}
            <VisibleText text={reason} />)
          </>
        )}
        {loaded > 0 && ` ${loaded.toLocaleString()} ${loaded === 1 ? "record" : "records"} loaded.`}
        {filling === "filled" && " Nothing is missing here any more."}
      </p>
      {filling !== "filled" && (
        <button type="button" disabled={busy} onClick={() => fill(notice.id)}>
          {filling === "loading" ? "Loading" : filling === "partial" ? "Load more of this range" : "Load this range"}
        </button>
      )}
    </li>
  );
}

/** What happened, in a sentence. */
export function titleOf(notice: Notice): string {
  if (notice.kind === "gap") return "Gap: the live stream could not resume without a hole.";
  const count =
    notice.records === null
      ? "Records were"
      : notice.records === 1
        ? "1 record was"
        : `${notice.records.toLocaleString()} records were`;
  return notice.reason === "rate"
    ? `${count} left out: more came than a live view is sent, so it shows a sample.`
    : `${count} left out, because ${notice.records === 1 ? "it" : "they"} came faster than this page could take them.`;
}

function When({ notice: { since, until } }: { notice: Notice }) {
  if (since === null && until === null) return "The time is not known.";
  return (
    <>
      {since !== null && (
        <>
          From <Moment time={since} />{" "}
        </>
      )}
      {until !== null && (
        <>
          {since === null ? "Up to" : "to"} <Moment time={until} />
        </>
      )}
    </>
  );
}

function Moment({ time }: { time: string }) {
  return (
    <time dateTime={time} title={time}>
      {clockTime(time)}
    </time>
  );
}
