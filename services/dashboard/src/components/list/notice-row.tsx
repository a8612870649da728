/** A range that the stream left out, with the button that reads it from history. */
import { clockTime } from "../../records/clock-time";
import type { Notice } from "../../records/notice";
import { pageWords } from "../../texts/page";
import { useChoices, useWords } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";

interface Properties {
  notice: Notice;
  /** True while the page reads something: one thing at a time. */
  busy: boolean;
  fill: (noticeId: string) => void;
}

export function NoticeRow({ notice, busy, fill }: Properties) {
  const { kind, records, filling, loaded, reason, since, until } = notice;
  const words = useWords(pageWords);
  const { zone } = useChoices();
  const shown = (time: string | null) => (time === null ? null : clockTime(time, zone));
  return (
    <div className="notice" data-notice={kind}>
      <p>
        <strong>{kind === "gap" ? words.gap : words.dropped(records, reason)}</strong>{" "}
        {words.fromTo(shown(since), shown(until))}
        {kind === "gap" && reason !== "" && (
          <>
            {" ("}
            <VisibleText text={Object.hasOwn(words.gapReasons, reason) ? (words.gapReasons[reason] ?? "") : reason} />)
          </>
        )}
        {loaded > 0 && ` ${words.loaded(loaded)}`}
        {filling === "filled" && ` ${words.filled}`}
      </p>
      {filling !== "filled" && (
        <button type="button" disabled={busy} onClick={() => fill(notice.id)}>
          {filling === "loading" ? words.loading : filling === "partial" ? words.fillMore : words.fill}
        </button>
      )}
    </div>
  );
}
