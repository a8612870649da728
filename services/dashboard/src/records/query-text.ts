/**
 * The terms of the text filter with their positions, for hints beside the field. The grammar is that of the services (docs/filters.md);
 * terms read here are only shown to the reader, never applied.
 */

export interface Term {
  readonly text: string;
  readonly exclude: boolean;
  readonly phrase: boolean;
  /** In the text, in UTF-16 units, as input fields count. */
  readonly start: number;
  readonly end: number;
}

/** empty: nothing between quotes. many: too many terms. long: too many characters. open: a quote that is never closed. */
export type TextProblem = "empty" | "many" | "long" | "open";

export interface QueryText {
  readonly terms: readonly Term[];
  /** What the services would reject or, for "open", what may not be intended; `at` is its position. */
  readonly problem: { readonly kind: TextProblem; readonly at: number } | null;
}

export const MAX_TERMS = 20;
export const MAX_CHARACTERS = 1000;

const TERM = /(-?)"((?:\\.|[^"\\]|\\$)*)("|$)|(\S+)/gs;
const ESCAPED = /\\(["\\])/g;

export function readQueryText(text: string): QueryText {
  const terms: Term[] = [];
  let problem: QueryText["problem"] = null;
  for (const match of text.matchAll(TERM)) {
    const [whole, minus, phrase = "", close, word] = match;
    const start = match.index;
    const exclude = word === undefined ? minus === "-" : word.length > 1 && word.startsWith("-");
    const term = word === undefined ? phrase.replace(ESCAPED, "$1") : word.slice(exclude ? 1 : 0);
    if (term === "") problem ??= { kind: "empty", at: start };
    else if (close === "") problem ??= { kind: "open", at: start };
    terms.push({ text: term, exclude, phrase: word === undefined, start, end: start + whole.length });
  }
  const beyond = terms[MAX_TERMS];
  if (beyond !== undefined) problem = { kind: "many", at: beyond.start };
  if ([...text.trim()].length > MAX_CHARACTERS) problem = { kind: "long", at: MAX_CHARACTERS };
  return { terms, problem };
}

/** True when the services would return 400. */
export function isRefused({ problem }: QueryText): boolean {
  return problem !== null && problem.kind !== "open";
}
