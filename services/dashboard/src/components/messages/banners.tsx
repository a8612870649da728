/** Messages about connections and errors, above the list. */
import type { LogView } from "../../log-view/log-view";
import type { Snapshot } from "../../log-view/snapshot";
import { pageTexts } from "../../texts/page";
import { useTexts } from "../preferences/preferences-context";
import { ErrorText } from "./error-text";
import "./messages.css";

export function Banners({ view, snapshot }: { view: LogView; snapshot: Snapshot }) {
  const { live, server, error, unreadable } = snapshot;
  const texts = useTexts(pageTexts);
  return (
    <div className="banners">
      {live === "lost" && (
        <div className="banner" data-kind="warn" role="alert">
          <p>{texts.lost}</p>
          <button type="button" onClick={() => view.retryStream()}>
            {texts.tryNow}
          </button>
        </div>
      )}
      {live === "crowded" && (
        <p className="banner" data-kind="warn" role="status">
          {texts.crowded}
        </p>
      )}
      {server.broker === "down" && (
        <p className="banner" data-kind="warn" role="alert">
          {texts.brokerDown}
        </p>
      )}
      {server.recent === "down" && (
        <p className="banner" data-kind="warn" role="status">
          {texts.recentDown}
        </p>
      )}
      {unreadable > 0 && (
        <p className="banner" data-kind="warn" role="status">
          {texts.unreadable(unreadable)}
        </p>
      )}
      {error && (
        <div className="banner" data-kind="error" role="alert">
          <ErrorText error={error} />
          <button type="button" onClick={() => void view.retryRead()}>
            {texts.tryAgain}
          </button>
          <button type="button" onClick={() => view.dismissError()}>
            {texts.dismiss}
          </button>
        </div>
      )}
    </div>
  );
}
