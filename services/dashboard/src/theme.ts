/** Dark or light: the system's until the reader chooses. The choice is an attribute of the root element, which the style sheet reads. */

export const THEMES = ["system", "light", "dark"] as const;
export type ThemeChoice = (typeof THEMES)[number];

/** Where the choice is kept: the browser's storage. */
export type ThemeStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const KEY = "logstream.theme";

export class Theme {
  #storage: ThemeStorage | null;
  #root: { dataset: DOMStringMap };

  /** Without a storage the choice holds until the page is closed. */
  constructor(storage: ThemeStorage | null, root: { dataset: DOMStringMap }) {
    this.#storage = storage;
    this.#root = root;
    this.#apply(this.choice);
  }

  get choice(): ThemeChoice {
    const stored = this.#storage?.getItem(KEY);
    return THEMES.find((theme) => theme === stored) ?? "system";
  }

  choose(choice: ThemeChoice): void {
    if (choice === "system") this.#storage?.removeItem(KEY);
    else this.#storage?.setItem(KEY, choice);
    this.#apply(choice);
  }

  #apply(choice: ThemeChoice): void {
    if (choice === "system") delete this.#root.dataset.theme;
    else this.#root.dataset.theme = choice;
  }
}

/** The browser's storage, or null where the reader's settings forbid it. */
export function allowedStorage(): ThemeStorage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
