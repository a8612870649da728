/** The page's address as the place where the view is kept, so that links, reload and the back button work. */
import { searchOf, type View, viewOf } from "../records/view";

type Places = Pick<Window, "location" | "history" | "addEventListener">;

/** Typing makes one step of the history, not one for each letter. */
const ONE_STEP_MS = 2000;

export class Address {
  #window: Places;
  #typedAt_ms = 0;

  constructor(window: Places, onVisit: (view: View) => void) {
    this.#window = window;
    window.addEventListener("popstate", () => onVisit(this.view));
  }

  get view(): View {
    return viewOf(this.#window.location.search);
  }

  /** `typing`: one of many changes that belong together. */
  write(view: View, typing: boolean): void {
    const { location, history } = this.#window;
    const search = searchOf(view);
    if (search === location.search) return;
    const address = `${location.pathname}${search}`;
    const now_ms = Date.now();
    if (typing && now_ms - this.#typedAt_ms < ONE_STEP_MS) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    this.#typedAt_ms = typing ? now_ms : 0;
  }

  /** The whole address of a view, for others. */
  linkOf(view: View): string {
    const { origin, pathname } = this.#window.location;
    return `${origin}${pathname}${searchOf(view)}`;
  }
}
