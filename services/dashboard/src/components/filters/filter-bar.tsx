/** The filters: levels, nodes, text, time, attributes. Every change is a change of the view. */
import { useEffect, useId, useRef, useState } from "react";
import type { ServerError } from "../../history/request";
import type { Snapshot } from "../../log-view/snapshot";
import { ALL_TIME, EVERYTHING, type Filter, isEverything, withoutAttribute } from "../../records/filter";
import { isRefused, MAX_CHARACTERS, readQueryText } from "../../records/query-text";
import type { View } from "../../records/view";
import { pageTexts } from "../../texts/page";
import { useTexts } from "../preferences/preferences-context";
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
  /** `typing`: a change that belongs together with those just before it. */
  change: (view: View, typing?: boolean) => void;
}

export function FilterBar({ snapshot, change }: Properties) {
  const { filter, range } = snapshot.view;
  const texts = useTexts(pageTexts);
  const facets = useFacets(filter, range);
  const setFilter = (next: Filter, typing = false) => change({ ...snapshot.view, filter: next }, typing);
  return (
    <search className="filter" aria-label={texts.filters}>
      <LevelChips filter={filter} facets={facets} onChange={setFilter} />
      <NodePicker filter={filter} facets={facets} onChange={setFilter} />
      <TextFilter text={filter.text} error={snapshot.error} apply={(text) => setFilter({ ...filter, text }, true)} />
      <RangePicker range={range} onChange={(next) => change({ ...snapshot.view, range: next })} />
      {filter.attributes.length > 0 && (
        <fieldset className="attribute-filters" aria-label={texts.attributes}>
          {filter.attributes.map((attribute) => {
            const { key, value, exclude } = attribute;
            const text = `${key}${exclude ? "≠" : "="}${value}`;
            return (
              <button
                key={text}
                type="button"
                className="attribute-filter"
                aria-label={texts.removeFilter(text)}
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
          {texts.clearFilters}
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
