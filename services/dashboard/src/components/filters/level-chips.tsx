/** Filters by levels, shown with their record counts. */
import type { Facets } from "../../metrics/facets";
import { type Filter, isFilterable, toggled } from "../../records/filter";
import { kindOf, levelsToChoose } from "../../records/levels";
import { digits } from "../../texts/language";
import { rangeTexts } from "../../texts/range";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";

interface Properties {
  filter: Filter;
  facets: Facets | null;
  onChange: (filter: Filter) => void;
}

export function LevelChips({ filter, facets, onChange }: Properties) {
  const texts = useTexts(rangeTexts);
  const { language } = useChoices();
  const counts = new Map(facets?.levels.map(({ name, count }) => [name, count]));
  return (
    <fieldset className="levels" aria-label={texts.levels}>
      {levelsToChoose(facets?.levels ?? [], filter.levels).map(({ name, severity }) => {
        const count = counts.get(name) ?? 0;
        const filterable = isFilterable(name);
        return (
          <button
            key={name}
            type="button"
            className="level-choice"
            data-kind={kindOf(severity)}
            aria-pressed={filter.levels.includes(name)}
            disabled={!filterable}
            title={filterable ? texts.records(count, facets?.sampled === true) : texts.notFilterable}
            onClick={() => onChange({ ...filter, levels: toggled(filter.levels, name) })}
          >
            <VisibleText text={name} />
            {count > 0 && (
              <span className="count" aria-hidden="true">
                {short(count, language)}
              </span>
            )}
          </button>
        );
      })}
      {filter.minLevel !== "" && (
        <button
          type="button"
          className="level-choice"
          aria-label={texts.removeAtLeast(filter.minLevel)}
          onClick={() => onChange({ ...filter, minLevel: "" })}
        >
          <VisibleText text={texts.atLeast(filter.minLevel)} /> <span aria-hidden="true">×</span>
        </button>
      )}
    </fieldset>
  );
}

function short(count: number, language: "en" | "ko"): string {
  if (count < 10_000) return digits(count, language);
  return count.toLocaleString(language, { notation: "compact", maximumFractionDigits: 1 });
}
