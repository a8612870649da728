/** Named views, stored in the browser. A view is the query of the page's address. */

export interface SavedView {
  readonly name: string;
  readonly search: string;
}

type Store = Pick<Storage, "getItem" | "setItem">;

const KEY = "logstream.views";
export const MAX_VIEWS = 50;
export const MAX_NAME_CHARACTERS = 60;
/** Servers reject longer addresses. */
export const MAX_SEARCH_CHARACTERS = 8000;

export class SavedViewList {
  #storage: Store | null;
  #observers = new Set<() => void>();
  #views: readonly SavedView[];

  /** Without a storage they last until the page is closed. `others` sends events when other windows save views. */
  constructor(store: Store | null, others: Pick<Window, "addEventListener">) {
    this.#storage = store;
    this.#views = readViews(store?.getItem(KEY) ?? null);
    others.addEventListener("storage", (event) => {
      if (event.key !== KEY && event.key !== null) return;
      this.#views = readViews(this.#storage?.getItem(KEY) ?? null);
      this.#notify();
    });
  }

  readonly subscribe = (observer: () => void): (() => void) => {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  };

  /** By name. */
  readonly snapshot = (): readonly SavedView[] => this.#views;

  has(name: string): boolean {
    return this.#views.some((view) => view.name === name);
  }

  /** Saves a view, replacing one of the same name. False when it is too long, there are too many, or the storage is full. */
  save(view: SavedView): boolean {
    if (!isView(view)) return false;
    const others = this.#views.filter(({ name }) => name !== view.name);
    if (others.length >= MAX_VIEWS) return false;
    return this.#store([...others, view].sort((a, b) => a.name.localeCompare(b.name)));
  }

  remove(name: string): void {
    this.#store(this.#views.filter((view) => view.name !== name));
  }

  #store(views: readonly SavedView[]): boolean {
    try {
      this.#storage?.setItem(KEY, JSON.stringify(views));
    } catch {
      return false;
    }
    this.#views = views;
    this.#notify();
    return true;
  }

  #notify(): void {
    for (const observer of this.#observers) observer();
  }
}

/** The views in a stored text; anything else in it is ignored. */
export function readViews(stored: string | null): SavedView[] {
  let value: unknown;
  try {
    value = JSON.parse(stored ?? "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(value)) return [];
  const named = new Map(value.filter(isView).map((view) => [view.name, view]));
  return [...named.values()].slice(0, MAX_VIEWS);
}

function isView(value: unknown): value is SavedView {
  if (typeof value !== "object" || value === null) return false;
  const { name, search } = value as Record<string, unknown>;
  if (typeof name !== "string" || name === "" || name.length > MAX_NAME_CHARACTERS) return false;
  return (
    typeof search === "string" && search.length <= MAX_SEARCH_CHARACTERS && (search === "" || search.startsWith("?"))
  );
}
