/** The languages of the page. Each area of it keeps its own words, in both. */
import type { Language } from "../browser/preferences";

/** An area's words: texts, and functions for those with numbers in them. */
export type Words<Texts> = Readonly<Record<Language, Texts>>;

/** A number as the language writes it. */
export function digits(value: number, language: Language): string {
  return value.toLocaleString(language);
}
