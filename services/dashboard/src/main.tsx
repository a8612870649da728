/** Puts the page together and starts it. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./page.css";
import { App } from "./app";
import { Address } from "./browser/address";
import { allowedStorage, Preferences } from "./browser/preferences";
import { SavedViewList } from "./browser/saved-views";
import { readSite, type Site } from "./browser/site";
import { ErrorBoundary } from "./components/messages/error-boundary";
import { PreferencesProvider } from "./components/preferences/preferences-context";
import { readPage } from "./history/history";
import { connectHub } from "./live/hub-link";
import { WindowStream } from "./live/window-stream";
import { LogView } from "./log-view/log-view";
import { LiveMetrics } from "./metrics/live-metrics";

const preferences = new Preferences(allowedStorage(), document.documentElement, navigator.languages);
const savedViews = new SavedViewList(allowedStorage(), window);
const metrics = new LiveMetrics();
const view = new LogView(readPage, metrics);
const address = new Address(window, (visited) => view.setView(visited));
const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
const multiplexed = /^h[23]/.test(navigation?.nextHopProtocol ?? "");
view.begin(
  new WindowStream({ listener: view, connect: connectHub, page: document, browser: window, multiplexed }),
  address.view,
);

const container = document.getElementById("page");
if (container === null) throw new Error("index.html has no element with the id page");
const root = createRoot(container);
const show = (site: Site) =>
  root.render(
    <StrictMode>
      <PreferencesProvider value={preferences}>
        <ErrorBoundary>
          <App view={view} metrics={metrics} address={address} savedViews={savedViews} site={site} />
        </ErrorBoundary>
      </PreferencesProvider>
    </StrictMode>,
  );
show({ gateway: "", traceUrl: "" });
void readSite().then(show);
