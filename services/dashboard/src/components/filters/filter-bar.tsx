/** What is meant: levels, nodes, text, time, attributes. Every change is a change of the view. */
import { useEffect, useId, useRef, useState } from "react";
import type { ServerError } from "../../history/ask";
import type { Snapshot } from "../../log-view/log-view";
import { ALL_TIME, EVERYTHING, type Filter, isEverything, withoutAttribute } from "../../records/filter";
import { isRefused, MOST_CHARACTERS, readQueryText } from "../../records/query-text";
import type { View } from "../../records/view";
import { pageWords } from "../../texts/page";
import { useWords } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import { RangePicker } from "../time/range-picker";
import { LevelChips } from "./level-chips";
import { NodePicker } from "./node-picker";
import { useFacets } from "./use-facets";
import "./filters.css";

/** A text is applied once the reader stops typing for this long. */
const TYPING_MS = 300;

interface Properties {
  snapshot: Snapshot;
  /** `typing`: one of many changes that belong together. */
  change: (view: View, typing?: boolean) => void;
}

export function FilterBar({ snapshot, change }: Properties) {
  const { filter, range } = snapshot.view;
  const words = useWords(pageWords);
  const facets = useFacets(filter, range);
  const setFilter = (next: Filter, typing = false) => change({ ...snapshot.view, filter: next }, typing);
  return (
    <search className="filter" aria-label={words.filters}>
      <LevelChips filter={filter} facets={facets} onChange={setFilter} />
      <NodePicker filter={filter} facets={facets} onChange={setFilter} />
      <TextFilter text={filter.text} error={snapshot.error} apply={(text) => setFilter({ ...filter, text }, true)} />
      <RangePicker range={range} onChange={(next) => change({ ...snapshot.view, range: next })} />
      {filter.attributes.length > 0 && (
        <fieldset className="attribute-filters" aria-label={words.attributes}>
          {filter.attributes.map((attribute) => {
            const { key, value, exclude } = attribute;
            const text = `${key}${exclude ? "≠" : "="}${value}`;
            return (
              <button
                key={text}
                type="button"
                className="attribute-filter"
                aria-label={words.removeFilter(text)}
                onClick={() => setFilter(withoutAttribute(filter, attribute))}
              >
                <VisibleText text={text} /> <span aria-hidden="true">×</span>
              </button>
            );
          })}
        </fieldset>
      )}
      {(!isEverything(filter) || range.start !== "" || range.end !== "") && (
        <button
          type="button"
          className="clear-filters"
          onClick={() => change({ ...snapshot.view, filter: EVERYTHING, range: ALL_TIME })}
        >
          {words.clearFilters}
        </button>
      )}
    </search>
  );
}

interface TextProperties {
  text: string;
  error: ServerError | null;
  apply: (text: string) => void;
}

function TextFilter({ text, error, apply }: TextProperties) {
  const [typed, setTyped] = useState(text);
  const applied = useRef(text);
  // The page is drawn anew many times a second; that must not put off what was typed.
  const latest = useRef(apply);
  latest.current = apply;
  const id = useId();
  const words = useWords(pageWords);
  const query = readQueryText(typed);
  const refused = isRefused(query);
  // A view that was opened, by a link or the back button, replaces what was typed.
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
  const serverSays = error?.problems.find(({ name }) => name === "q")?.expected;
  return (
    <div className="text">
      <label htmlFor={id}>{words.text}</label>
      <input
        id={id}
        type="search"
        value={typed}
        maxLength={MOST_CHARACTERS}
        placeholder={words.textPlaceholder}
        aria-invalid={refused || serverSays !== undefined}
        aria-describedby={`${id}-hint`}
        aria-keyshortcuts="/"
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setTyped(event.target.value)}
      />
      <div className="text-hint" id={`${id}-hint`} data-problem={refused || serverSays !== undefined}>
        {query.problem ? (
          <p role="status">{words.textProblems[query.problem.kind](query.problem.at + 1)}</p>
        ) : serverSays !== undefined ? (
          <p role="status">{serverSays}</p>
        ) : query.terms.length === 0 ? (
          <p>{words.textHelp}</p>
        ) : (
          <p>
            {query.terms.map(({ text: term, exclude, start }) => (
              <span key={start} className="term" data-exclude={exclude}>
                <VisibleText text={exclude ? words.textTerms.exclude(term) : words.textTerms.include(term)} />
              </span>
            ))}
          </p>
        )}
      </div>
    </div>
  );
}
