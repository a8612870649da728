/** Gives every component the reader's preferences and the texts in their language. */
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Choices, Preferences } from "../../browser/preferences";
import type { Translated } from "../../texts/language";

const Context = createContext<Preferences | null>(null);
export const PreferencesProvider = Context.Provider;

export function usePreferences(): Preferences {
  const preferences = useContext(Context);
  if (preferences === null) throw new Error("no PreferencesProvider above this component");
  return preferences;
}

export function useChoices(): Choices {
  const preferences = usePreferences();
  return useSyncExternalStore(preferences.subscribe, preferences.snapshot);
}

export function useTexts<Texts>(texts: Translated<Texts>): Texts {
  return texts[useChoices().language];
}
