/** A range that is missing from the stream, with a button to read it from history. */
import { clockTime } from "../../records/clock-time";
import type { Notice } from "../../records/notice";
import { gapReasonText, gapReasonTexts } from "../../texts/gap-reasons";
import { pageTexts } from "../../texts/page";
import { useChoices, useTexts } from "../preferences/preferences-context";

interface Properties {
  notice: Notice;
  /** True while the page reads something: it reads only one thing at a time. */
  busy: boolean;
  fill: (noticeId: string) => void;
}

export function NoticeRow({ notice, busy, fill }: Properties) {
  const { kind, records, filling, loaded, reason, since, until } = notice;
  const texts = useTexts(pageTexts);
  const why = gapReasonText(useTexts(gapReasonTexts), reason);
  const { zone } = useChoices();
  const shown = (time: string | null) => (time === null ? null : clockTime(time, zone));
  return (
    <div className="notice" data-notice={kind}>
      <p>
        <strong>{kind === "gap" ? texts.gap : texts.dropped(records, reason)}</strong>{" "}
        {texts.fromTo(shown(since), shown(until))}
        {kind === "gap" && why !== null && ` (${why})`}
        {loaded > 0 && ` ${texts.loaded(loaded)}`}
        {filling === "filled" && ` ${texts.filled}`}
      </p>
      {filling !== "filled" && (
        <button type="button" disabled={busy} onClick={() => fill(notice.id)}>
          {filling === "loading" ? texts.loading : filling === "partial" ? texts.fillMore : texts.fill}
        </button>
      )}
    </div>
  );
}
