/** Questions that wait for their reader. It must not know what is asked. */

/** Calls at once, or, in a tab that nobody sees, once it is seen. The result takes the wait back. */
export function whenVisible(ask: () => void, page: Document = document): () => void {
  if (page.visibilityState !== "hidden") {
    ask();
    return () => {};
  }
  const seen = () => {
    if (page.visibilityState === "hidden") return;
    page.removeEventListener("visibilitychange", seen);
    ask();
  };
  page.addEventListener("visibilitychange", seen);
  return () => page.removeEventListener("visibilitychange", seen);
}
