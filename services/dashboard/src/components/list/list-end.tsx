/** Below the oldest record held: how far the search is, and the button to continue. */
import type { LogView } from "../../log-view/log-view";
import type { Snapshot } from "../../log-view/snapshot";
import { clockTime } from "../../records/clock-time";
import { isEverything } from "../../records/filter";
import { pageTexts } from "../../texts/page";
import { useChoices, useTexts } from "../preferences/preferences-context";

export function ListEnd({ view, snapshot }: { view: LogView; snapshot: Snapshot }) {
  const { progress, entries } = snapshot;
  const { filter, range } = snapshot.view;
  const texts = useTexts(pageTexts);
  const { zone } = useChoices();
  const searching = !isEverything(filter) || range.start !== "" || range.end !== "";
  const time = progress.scannedUntil === null ? null : clockTime(progress.scannedUntil, zone);

  if (progress.state === "end") {
    const [none, oldest] = searching
      ? [texts.noneStored, texts.oldestOfRange]
      : [texts.waitingForRecords, texts.oldest];
    return (
      <p className="list-end">
        {entries.records.length === 0
          ? none
          : range.start !== ""
            ? oldest
            : isEverything(filter)
              ? texts.oldest
              : texts.oldestMatching}
      </p>
    );
  }
  if (progress.state === "reading")
    return (
      <div className="list-end" role="status">
        <p>{searching && time !== null ? texts.searching(time, progress.found) : texts.reading}</p>
        <button type="button" onClick={() => view.stopReading()}>
          {texts.stop}
        </button>
      </div>
    );
  const stopped = progress.state === "stopped" && searching && time !== null;
  return (
    <div className="list-end">
      {stopped && <p role="status">{texts.searchStopped(time, progress.found)}</p>}
      <button type="button" onClick={() => void view.readOlder()}>
        {stopped ? texts.continueSearch : texts.loadOlder}
      </button>
    </div>
  );
}
