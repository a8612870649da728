/** Puts the page together and starts it. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { readPage } from "./history/history";
import { LiveStream } from "./live/live-stream";
import { LiveView } from "./live-view";
import { allowedStorage, Theme } from "./theme";

const theme = new Theme(allowedStorage(), document.documentElement);
const stream = new LiveStream("/stream");
const view = new LiveView(stream, readPage);
window.addEventListener("online", () => stream.retryNow());
view.start();

const place = document.getElementById("page");
if (place === null) throw new Error("index.html has no element with the id page");
createRoot(place).render(
  <StrictMode>
    <App view={view} theme={theme} />
  </StrictMode>,
);
