/** Below the oldest record held: how far the search is, and how to go on. */
import type { LogView, Snapshot } from "../../log-view/log-view";
import { clockTime } from "../../records/clock-time";
import { isEverything } from "../../records/filter";
import { pageWords } from "../../texts/page";
import { useChoices, useWords } from "../preferences/preferences-context";

export function ListEnd({ view, snapshot }: { view: LogView; snapshot: Snapshot }) {
  const { progress, entries } = snapshot;
  const { filter, range } = snapshot.view;
  const words = useWords(pageWords);
  const { zone } = useChoices();
  const searching = !isEverything(filter) || range.start !== "" || range.end !== "";
  const time = progress.scannedUntil === null ? null : clockTime(progress.scannedUntil, zone);

  if (progress.state === "end") {
    const [none, oldest] = searching
      ? [words.noneStored, words.oldestOfRange]
      : [words.waitingForRecords, words.oldest];
    return (
      <p className="list-end">
        {entries.records.length === 0
          ? none
          : range.start !== ""
            ? oldest
            : isEverything(filter)
              ? words.oldest
              : words.oldestMatching}
      </p>
    );
  }
  if (progress.state === "reading")
    return (
      <div className="list-end" role="status">
        <p>{searching && time !== null ? words.searching(time, progress.found) : words.reading}</p>
        <button type="button" onClick={() => view.stopReading()}>
          {words.stop}
        </button>
      </div>
    );
  const stopped = progress.state === "stopped" && searching && time !== null;
  return (
    <div className="list-end">
      {stopped && <p role="status">{words.searchStopped(time, progress.found)}</p>}
      <button type="button" onClick={() => void view.readOlder()}>
        {stopped ? words.continueSearch : words.loadOlder}
      </button>
    </div>
  );
}
