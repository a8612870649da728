/** Keeps the view in the page's address, so that links, reload and the back button work. */
import { searchOf, type View, viewOf } from "../records/view";

type PageWindow = Pick<Window, "location" | "history" | "addEventListener">;

/** Typing makes a single step of the browser's history, not a step for each letter. */
const TYPING_STEP_MS = 2000;

export class Address {
  #window: PageWindow;
  #typedAt_ms = 0;

  constructor(window: PageWindow, onVisit: (view: View) => void) {
    this.#window = window;
    window.addEventListener("popstate", () => onVisit(this.view));
  }

  get view(): View {
    return viewOf(this.#window.location.search);
  }

  /** `typing`: a change that belongs together with those just before it. */
  write(view: View, typing: boolean): void {
    const { location, history } = this.#window;
    const search = searchOf(view);
    if (search === location.search) return;
    const address = `${location.pathname}${search}`;
    const now_ms = Date.now();
    if (typing && now_ms - this.#typedAt_ms < TYPING_STEP_MS) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    this.#typedAt_ms = typing ? now_ms : 0;
  }

  /** The full address of a view, to be shared. */
  linkOf(view: View): string {
    const { origin, pathname } = this.#window.location;
    return `${origin}${pathname}${searchOf(view)}`;
  }
}
