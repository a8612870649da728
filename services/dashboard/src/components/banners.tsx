/** What the reader must know about the state of things, above the list. */
import type { LiveView, Snapshot } from "../live-view";

export function Banners({ view, snapshot }: { view: LiveView; snapshot: Snapshot }) {
  const { connection, server, error, unreadable } = snapshot;
  return (
    <div className="banners">
      {connection === "lost" && (
        <p className="banner" data-kind="warn" role="alert">
          The connection to the live stream is lost. New records appear as soon as it is back; this page keeps trying.
        </p>
      )}
      {server.broker === "down" && (
        <p className="banner" data-kind="warn" role="alert">
          The stream service has lost the message broker: new records appear when it is back.
        </p>
      )}
      {server.recent === "down" && (
        <p className="banner" data-kind="warn" role="status">
          The window of recent records is out of reach: after a reconnect, some may have to be read from history.
        </p>
      )}
      {unreadable > 0 && (
        <p className="banner" data-kind="warn" role="status">
          {unreadable} {unreadable === 1 ? "part" : "parts"} of the stream could not be read. This page may be older
          than the server: reload it.
        </p>
      )}
      {error && (
        <div className="banner" data-kind="error" role="alert">
          <p>
            <strong>{error.title}</strong>
          </p>
          {error.details.map((line) => (
            <p key={line}>{line}</p>
          ))}
          <button type="button" onClick={() => view.dismissError()}>
            Dismiss
          </button>
        </div>
      )}
    </div>
  );
}
