/** Delays work until the page is visible. It knows nothing of the work. */

/** Calls `act` at once or, in a hidden tab, once the tab is visible. Call the result to cancel. */
export function whenVisible(act: () => void, page: Document = document): () => void {
  if (page.visibilityState !== "hidden") {
    act();
    return () => {};
  }
  const seen = () => {
    if (page.visibilityState === "hidden") return;
    page.removeEventListener("visibilitychange", seen);
    act();
  };
  page.addEventListener("visibilitychange", seen);
  return () => page.removeEventListener("visibilitychange", seen);
}
