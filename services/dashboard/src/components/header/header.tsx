/** The name of the page, the state of the connection, and what concerns the whole page: views, export, help, preferences. */

import type { SavedViewList } from "../../browser/saved-views";
import type { LiveState } from "../../live/window-stream";
import { pageTexts } from "../../texts/page";
import { PreferenceMenu } from "../preferences/preference-menu";
import { useTexts } from "../preferences/preferences-context";
import { SavedViews } from "./saved-views";
import "./header.css";

interface Properties {
  live: LiveState;
  savedViews: SavedViewList;
  /** The view, as the query of the page's address. */
  search: string;
  open: (search: string) => void;
  onExport: () => void;
  onHelp: () => void;
}

export function Header({ live, savedViews, search, open, onExport, onHelp }: Properties) {
  const texts = useTexts(pageTexts);
  return (
    <header className="header">
      <h1>{texts.title}</h1>
      <p className="connection" data-connection={live} role="status">
        <span className="dot" aria-hidden="true" />
        {texts.states[live]}
      </p>
      <SavedViews views={savedViews} current={search} open={open} />
      <button type="button" aria-keyshortcuts="e" onClick={onExport}>
        {texts.exportRecords}
      </button>
      <PreferenceMenu />
      <button type="button" className="help" aria-label={texts.help} aria-keyshortcuts="?" onClick={onHelp}>
        ?
      </button>
    </header>
  );
}
