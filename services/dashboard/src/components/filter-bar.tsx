/** Level and text filter, and the button that pauses the list. */
import { useEffect, useId, useState } from "react";
import type { LiveView, Snapshot } from "../live-view";
import { kindOf } from "../records/levels";

/** A text is applied once the reader stops typing for this long. */
const TYPING_MS = 200;
/** The query service takes no longer one. */
const LONGEST_TEXT = 1000;

export function FilterBar({ view, snapshot }: { view: LiveView; snapshot: Snapshot }) {
  const { filter, levels, paused } = snapshot;
  const toggle = (name: string) => {
    const chosen = new Set(filter.levels);
    if (!chosen.delete(name)) chosen.add(name);
    view.setFilter({ ...filter, levels: chosen });
  };
  return (
    <search className="filter">
      <fieldset className="levels" aria-label="Levels">
        <span aria-hidden="true">Levels</span>
        {levels.map(({ name, severity }) => (
          <button
            key={name}
            type="button"
            className="level-choice"
            data-kind={kindOf(severity)}
            aria-pressed={filter.levels.has(name)}
            onClick={() => toggle(name)}
          >
            {name}
          </button>
        ))}
      </fieldset>
      <TextFilter text={filter.text} apply={(text) => view.setFilter({ ...view.snapshot().filter, text })} />
      <button type="button" className="pause" aria-pressed={paused} onClick={() => view.setPaused(!paused)}>
        Pause
      </button>
    </search>
  );
}

function TextFilter({ text, apply }: { text: string; apply: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const id = useId();
  useEffect(() => {
    if (typed === text) return;
    const timer = setTimeout(() => apply(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, text, apply]);
  return (
    <div className="text-filter">
      <label htmlFor={id}>Text</label>
      <input
        id={id}
        type="search"
        value={typed}
        placeholder={'timeout -retry "user 42"'}
        title="Words that must all be in the message; -word excludes; quotes make a phrase"
        maxLength={LONGEST_TEXT}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setTyped(event.target.value)}
      />
    </div>
  );
}
