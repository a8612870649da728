/** The views saved in this browser: open, save, remove; and the link to the current view. */
import { type FormEvent, useState, useSyncExternalStore } from "react";
import { copyText } from "../../browser/copy";
import { MAX_NAME_CHARACTERS, type SavedViewList } from "../../browser/saved-views";
import { viewsTexts } from "../../texts/views";
import { Popover } from "../overlay/popover";
import { useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";

interface Properties {
  views: SavedViewList;
  /** The query of the page's address. */
  current: string;
  open: (search: string) => void;
}

export function SavedViews({ views, current, open }: Properties) {
  const texts = useTexts(viewsTexts);
  return (
    <Popover label={texts.views}>
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
  const texts = useTexts(viewsTexts);
  const views = useSyncExternalStore(list.subscribe, list.snapshot);
  const [name, setName] = useState("");
  const [result, setResult] = useState("");
  const trimmed = name.trim();
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (trimmed === "") return;
    const saved = list.save({ name: trimmed, search: current });
    setResult(saved ? texts.saved : texts.full);
    if (saved) setName("");
  };
  const copyLink = async (search: string) => {
    const { origin, pathname } = window.location;
    setResult((await copyText(`${origin}${pathname}${search}`)) ? texts.copied : texts.notCopied);
  };
  return (
    <div className="fields-of">
      {views.length === 0 && <p className="dim">{texts.none}</p>}
      <ul className="choices">
        {views.map((view) => (
          <li key={view.name} className="saved-view">
            <button type="button" onClick={() => open(view.search)}>
              <VisibleText text={view.name} />
            </button>
            <button
              type="button"
              aria-label={texts.copyLinkTo(view.name)}
              title={texts.copyLinkTo(view.name)}
              onClick={() => void copyLink(view.search)}
            >
              {texts.link}
            </button>
            <button type="button" aria-label={texts.remove(view.name)} onClick={() => list.remove(view.name)}>
              <span aria-hidden="true">×</span>
            </button>
          </li>
        ))}
      </ul>
      <form className="saved-view" onSubmit={save}>
        <input
          type="text"
          aria-label={texts.name}
          placeholder={texts.name}
          maxLength={MAX_NAME_CHARACTERS}
          value={name}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" disabled={trimmed === ""}>
          {list.has(trimmed) ? <VisibleText text={texts.replace(trimmed)} /> : texts.save}
        </button>
      </form>
      <button type="button" onClick={() => void copyLink(current)}>
        {texts.copyLink}
      </button>
      <p role="status">{result}</p>
    </div>
  );
}
