/** The filters: levels, nodes, text, time, attributes. Every change is a change of the view. */
import type { Snapshot } from "../../log-view/snapshot";
import { ALL_TIME, EVERYTHING, type Filter, isEverything, withoutAttribute } from "../../records/filter";
import type { View } from "../../records/view";
import { pageTexts } from "../../texts/page";
import { useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import { RangePicker } from "../time/range-picker";
import { LevelChips } from "./level-chips";
import { NodePicker } from "./node-picker";
import { TextFilter } from "./text-filter";
import { useFacets } from "./use-facets";
import "./filters.css";

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
