/**
 * How a reader likes to read: colours, language, clock. Kept in the browser; until a choice is made, the system's. The root element
 * carries theme and language, which the style sheet and screen readers go by.
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

/** Where the choices are kept: the browser's storage. */
export type BrowserStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;
type Root = Pick<HTMLElement, "dataset" | "lang">;

export class Preferences {
  #kept: BrowserStorage | null;
  #root: Root;
  #choices: Choices;
  #observers = new Set<() => void>();

  /** Without a storage the choices hold until the page is closed. `spoken`: the browser's languages, the preferred first. */
  constructor(kept: BrowserStorage | null, root: Root, spoken: readonly string[]) {
    this.#kept = kept;
    this.#root = root;
    const system = spoken.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => isOneOf(LANGUAGES, tag));
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
      for (const [name, value] of Object.entries(change)) this.#kept?.setItem(keyOf(name), value);
    } catch {
      // Without room in the storage the choice holds until the page is closed.
    }
    this.#apply();
    for (const observer of this.#observers) observer();
  }

  #stored<Value extends string>(name: string, allowed: readonly Value[]): Value | undefined {
    const stored = this.#kept?.getItem(keyOf(name));
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
