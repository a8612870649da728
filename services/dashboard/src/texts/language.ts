/** What every file of texts needs: each area of the page keeps its own texts, in every language. */
import type { Language } from "../browser/preferences";

/** An area's texts; those with numbers in them are functions. */
export type Translated<Texts> = Readonly<Record<Language, Texts>>;

/** A number as the language writes it. */
export function digits(value: number, language: Language): string {
  return value.toLocaleString(language);
}
