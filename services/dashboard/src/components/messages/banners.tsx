/** What the reader must know about the state of things, above the list. */
import type { LogView, Snapshot } from "../../log-view/log-view";
import { pageWords } from "../../texts/page";
import { useWords } from "../preferences/preferences-context";
import { ErrorText } from "./error-text";
import "./messages.css";

export function Banners({ view, snapshot }: { view: LogView; snapshot: Snapshot }) {
  const { live, server, error, unreadable } = snapshot;
  const words = useWords(pageWords);
  return (
    <div className="banners">
      {live === "lost" && (
        <div className="banner" data-kind="warn" role="alert">
          <p>{words.lost}</p>
          <button type="button" onClick={() => view.retryStream()}>
            {words.tryNow}
          </button>
        </div>
      )}
      {live === "crowded" && (
        <p className="banner" data-kind="warn" role="status">
          {words.crowded}
        </p>
      )}
      {server.broker === "down" && (
        <p className="banner" data-kind="warn" role="alert">
          {words.brokerDown}
        </p>
      )}
      {server.recent === "down" && (
        <p className="banner" data-kind="warn" role="status">
          {words.recentDown}
        </p>
      )}
      {unreadable > 0 && (
        <p className="banner" data-kind="warn" role="status">
          {words.unreadable(unreadable)}
        </p>
      )}
      {error && (
        <div className="banner" data-kind="error" role="alert">
          <ErrorText error={error} />
          <button type="button" onClick={() => void view.tryAgain()}>
            {words.tryAgain}
          </button>
          <button type="button" onClick={() => view.dismissError()}>
            {words.dismiss}
          </button>
        </div>
      )}
    </div>
  );
}
