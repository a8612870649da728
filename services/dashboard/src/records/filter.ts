/** Which records the reader wants. The same filter runs here over what is held and, as query parameters, in /api/logs. */
import type { LogRecord } from "./record";

export interface Filter {
  /** Level names in lower case; empty means every level. */
  readonly levels: ReadonlySet<string>;
  /** Words that must all be in the message; `-word` excludes, quotes make a phrase. */
  readonly text: string;
}

export const EVERYTHING: Filter = { levels: new Set(), text: "" };

interface Term {
  readonly needle: string;
  readonly exclude: boolean;
}

// A quoted phrase, closed or running to the end, or a word; each with a minus in front if it excludes. The query service's grammar.
const TERM = /(-?)"((?:\\.|[^"\\]|\\$)*)(?:"|$)|(\S+)/gs;
const ESCAPED = /\\(["\\])/g;

/** The words and phrases of a filter text, in lower case. A minus alone is a word; a phrase without content counts as none. */
export function termsOf(text: string): Term[] {
  const terms: Term[] = [];
  for (const [, minus, phrase = "", word] of text.matchAll(TERM)) {
    const exclude = word === undefined ? minus === "-" : word.length > 1 && word.startsWith("-");
    const needle = word === undefined ? phrase.replace(ESCAPED, "$1") : word.slice(exclude ? 1 : 0);
    if (needle !== "") terms.push({ needle: needle.toLowerCase(), exclude });
  }
  return terms;
}

/** A test for records. Levels compare without regard to case; words are substrings of the message in lower case. */
export function matcherOf(filter: Filter): (record: LogRecord) => boolean {
  const terms = termsOf(filter.text);
  return (record) => {
    if (filter.levels.size > 0 && !filter.levels.has(record.level.toLowerCase())) return false;
    if (terms.length === 0) return true;
    const message = record.message.toLowerCase();
    return terms.every((term) => message.includes(term.needle) !== term.exclude);
  };
}

/** The filter as parameters of /api/logs; what they let through too much, the page's own test still removes. */
export function parametersOf(filter: Filter): Record<string, string> {
  const parameters: Record<string, string> = {};
  const levels = [...filter.levels].sort();
  // Commas separate levels there and blanks around them go, so a level with such can't be asked for.
  const askable = levels.every((level) => level === level.trim() && !level.includes(","));
  if (levels.length > 0 && askable) parameters.level = levels.join(",");
  if (filter.text.trim() !== "") parameters.q = filter.text.trim();
  return parameters;
}

export function isEverything(filter: Filter): boolean {
  return filter.levels.size === 0 && filter.text.trim() === "";
}
