/**
 * The reader's preferences: theme, language, time zone. Stored in the browser; the default is the system's. The root element has theme
 * and language as attributes, for the style sheet and screen readers.
 */
import { ZONES, type Zone } from "../records/clock-time";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
export const LANGUAGES = ["en", "ko"] as const;
export type Language = (typeof LANGUAGES)[number];

export interface Choices {
  readonly theme: Theme;
  readonly language: Language;
  readonly zone: Zone;
}

/** Where the choices are stored. */
export type BrowserStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;
type Root = Pick<HTMLElement, "dataset" | "lang">;

export class Preferences {
  #storage: BrowserStorage | null;
  #root: Root;
  #choices: Choices;
  #observers = new Set<() => void>();

  /** Without a storage the choices last until the page is closed. `languages`: the browser's languages, the preferred first. */
  constructor(storage: BrowserStorage | null, root: Root, languages: readonly string[]) {
    this.#storage = storage;
    this.#root = root;
    const system = languages.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => isOneOf(LANGUAGES, tag));
    this.#choices = {
      theme: this.#stored("theme", THEMES) ?? "system",
      language: this.#stored("language", LANGUAGES) ?? (system as Language | undefined) ?? "en",
      zone: this.#stored("zone", ZONES) ?? "local",
    };
    this.#apply();
  }

  readonly snapshot = (): Choices => this.#choices;

  readonly subscribe = (observer: () => void): (() => void) => {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  };

  choose(change: Partial<Choices>): void {
    this.#choices = { ...this.#choices, ...change };
    try {
      for (const [name, value] of Object.entries(change)) this.#storage?.setItem(keyOf(name), value);
    } catch {
      // If the storage is full, the choice lasts until the page is closed.
    }
    this.#apply();
    for (const observer of this.#observers) observer();
  }

  #stored<Value extends string>(name: string, allowed: readonly Value[]): Value | undefined {
    const stored = this.#storage?.getItem(keyOf(name));
    return allowed.find((value) => value === stored);
  }

  #apply(): void {
    const { theme, language } = this.#choices;
    if (theme === "system") delete this.#root.dataset.theme;
    else this.#root.dataset.theme = theme;
    this.#root.lang = language;
  }
}

/** The browser's storage, or null where the reader's settings forbid it. */
export function allowedStorage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function keyOf(name: string): string {
  return `logstream.${name}`;
}

function isOneOf<Value>(values: readonly Value[], value: unknown): value is Value {
  return values.includes(value as Value);
}
