/** The levels, each with how many records it has, to be chosen from. */
import type { Facets } from "../../metrics/facets";
import { type Filter, isAskable, toggled } from "../../records/filter";
import { kindOf, levelsToChoose } from "../../records/levels";
import { digits } from "../../texts/language";
import { rangeWords } from "../../texts/range";
import { useChoices, useWords } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";

interface Properties {
  filter: Filter;
  facets: Facets | null;
  onChange: (filter: Filter) => void;
}

export function LevelChips({ filter, facets, onChange }: Properties) {
  const words = useWords(rangeWords);
  const { language } = useChoices();
  const counts = new Map(facets?.levels.map(({ name, count }) => [name, count]));
  return (
    <fieldset className="levels" aria-label={words.levels}>
      {levelsToChoose(facets?.levels ?? [], filter.levels).map(({ name, severity }) => {
        const count = counts.get(name) ?? 0;
        const askable = isAskable(name);
        return (
          <button
            key={name}
            type="button"
            className="level-choice"
            data-kind={kindOf(severity)}
            aria-pressed={filter.levels.includes(name)}
            disabled={!askable}
            title={askable ? words.records(count, facets?.sampled === true) : words.notAskable}
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
          aria-label={words.removeAtLeast(filter.minLevel)}
          onClick={() => onChange({ ...filter, minLevel: "" })}
        >
          <VisibleText text={words.atLeast(filter.minLevel)} /> <span aria-hidden="true">×</span>
        </button>
      )}
    </fieldset>
  );
}

function short(count: number, language: "en" | "ko"): string {
  if (count < 10_000) return digits(count, language);
  return count.toLocaleString(language, { notation: "compact", maximumFractionDigits: 1 });
}
