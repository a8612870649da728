/** The views kept in this browser: open, save, remove; and the link that gives the current one to others. */
import { type FormEvent, useState, useSyncExternalStore } from "react";
import { copyText } from "../../browser/copy";
import { LONGEST_NAME, type SavedViewList } from "../../browser/saved-views";
import { viewsWords } from "../../texts/views";
import { Popover } from "../overlay/popover";
import { useWords } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";

interface Properties {
  views: SavedViewList;
  /** The query of the page's address. */
  current: string;
  open: (search: string) => void;
}

export function SavedViews({ views, current, open }: Properties) {
  const words = useWords(viewsWords);
  return (
    <Popover label={words.views}>
      {(close) => (
        <ViewList
          views={views}
          current={current}
          open={(search) => {
            open(search);
            close();
          }}
        />
      )}
    </Popover>
  );
}

function ViewList({ views: list, current, open }: Properties) {
  const words = useWords(viewsWords);
  const views = useSyncExternalStore(list.subscribe, list.snapshot);
  const [name, setName] = useState("");
  const [said, setSaid] = useState("");
  const trimmed = name.trim();
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (trimmed === "") return;
    const kept = list.save({ name: trimmed, search: current });
    setSaid(kept ? words.saved : words.full);
    if (kept) setName("");
  };
  const copyLink = async (search: string) => {
    const { origin, pathname } = window.location;
    setSaid((await copyText(`${origin}${pathname}${search}`)) ? words.copied : words.notCopied);
  };
  return (
    <div className="fields-of">
      {views.length === 0 && <p className="dim">{words.none}</p>}
      <ul className="choices">
        {views.map((view) => (
          <li key={view.name} className="saved-view">
            <button type="button" onClick={() => open(view.search)}>
              <VisibleText text={view.name} />
            </button>
            <button
              type="button"
              aria-label={words.copyLinkTo(view.name)}
              title={words.copyLinkTo(view.name)}
              onClick={() => void copyLink(view.search)}
            >
              {words.link}
            </button>
            <button type="button" aria-label={words.remove(view.name)} onClick={() => list.remove(view.name)}>
              <span aria-hidden="true">×</span>
            </button>
          </li>
        ))}
      </ul>
      <form className="saved-view" onSubmit={save}>
        <input
          type="text"
          aria-label={words.name}
          placeholder={words.name}
          maxLength={LONGEST_NAME}
          value={name}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" disabled={trimmed === ""}>
          {list.has(trimmed) ? <VisibleText text={words.replace(trimmed)} /> : words.save}
        </button>
      </form>
      <button type="button" onClick={() => void copyLink(current)}>
        {words.copyLink}
      </button>
      <p role="status">{said}</p>
    </div>
  );
}
