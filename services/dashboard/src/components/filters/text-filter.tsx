/** The field of the text filter, with a hint that shows how its text is read or what is wrong with it. */
import { useEffect, useId, useRef, useState } from "react";
import type { ServerError } from "../../history/request";
import { isRefused, MAX_CHARACTERS, readQueryText } from "../../records/query-text";
import { pageTexts } from "../../texts/page";
import { useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";

/** A text is applied once the reader stops typing for this long. */
const TYPING_MS = 300;

interface Properties {
  text: string;
  error: ServerError | null;
  apply: (text: string) => void;
}

export function TextFilter({ text, error, apply }: Properties) {
  const [typed, setTyped] = useState(text);
  const applied = useRef(text);
  // The page is rendered many times a second; that must not delay the filter.
  const latest = useRef(apply);
  latest.current = apply;
  const id = useId();
  const texts = useTexts(pageTexts);
  const query = readQueryText(typed);
  const refused = isRefused(query);
  // A view that is opened by a link or the back button replaces what was typed.
  useEffect(() => {
    if (text === applied.current) return;
    applied.current = text;
    setTyped(text);
  }, [text]);
  useEffect(() => {
    if (typed === applied.current || refused) return;
    const timer = setTimeout(() => {
      applied.current = typed;
      latest.current(typed);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, refused]);
  const serverExpects = error?.problems.find(({ name }) => name === "q")?.expected;
  return (
    <div className="text">
      <label htmlFor={id}>{texts.text}</label>
      <input
        id={id}
        type="search"
        value={typed}
        maxLength={MAX_CHARACTERS}
        placeholder={texts.textPlaceholder}
        aria-invalid={refused || serverExpects !== undefined}
        aria-describedby={`${id}-hint`}
        aria-keyshortcuts="/"
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setTyped(event.target.value)}
      />
      <div className="text-hint" id={`${id}-hint`} data-problem={refused || serverExpects !== undefined}>
        {query.problem ? (
          <p role="status">{texts.textProblems[query.problem.kind](query.problem.at + 1)}</p>
        ) : serverExpects !== undefined ? (
          <p role="status">{serverExpects}</p>
        ) : query.terms.length === 0 ? (
          <p>{texts.textHelp}</p>
        ) : (
          <p>
            {query.terms.map(({ text: term, exclude, start }) => (
              <span key={start} className="term" data-exclude={exclude}>
                <VisibleText text={exclude ? texts.textTerms.exclude(term) : texts.textTerms.include(term)} />
              </span>
            ))}
          </p>
        )}
      </div>
    </div>
  );
}
