/** Which time: up to now, the last so many minutes, or from one time to another. */
import { type FormEvent, useId, useState } from "react";
import { dateTime, type Zone } from "../../records/clock-time";
import { fieldOf, timeOfEdited } from "../../records/field-time";
import { ALL_TIME, isLive, type Range } from "../../records/filter";
import { QUICK_RANGES, rangeWords } from "../../texts/range";
import { Popover } from "../overlay/popover";
import { useChoices, useWords } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import "./time.css";

interface Properties {
  range: Range;
  onChange: (range: Range) => void;
}

export function RangePicker({ range, onChange }: Properties) {
  const words = useWords(rangeWords);
  const { zone } = useChoices();
  const used = range.start !== "" || range.end !== "";
  return (
    <>
      <Popover className="range" used={used} label={<VisibleText text={textOf(range, words, zone)} />}>
        {(close) => (
          <Times
            range={range}
            onChange={(next) => {
              onChange(next);
              close();
            }}
          />
        )}
      </Popover>
      {!isLive(range) && (
        <button type="button" className="back-to-live" onClick={() => onChange(ALL_TIME)}>
          {words.backToLive}
        </button>
      )}
    </>
  );
}

function textOf({ start, end }: Range, words: (typeof rangeWords)["en"], zone: Zone): string {
  if (start === "" && end === "") return words.allTime;
  const named = Object.hasOwn(words.last, start) && end === "" ? words.last[start] : undefined;
  if (named !== undefined) return named;
  const shown = (time: string) => (fieldOf(time, zone) === "" ? time : dateTime(time, zone));
  if (end === "") return words.since(shown(start));
  return start === "" ? words.until(shown(end)) : `${shown(start)} – ${shown(end)}`;
}

/** Of two absolute times, as the services write them: comparing the texts compares the times. */
function isEmpty(start: string, end: string): boolean {
  return start !== "" && end !== "" && end <= start;
}

function Times({ range, onChange }: Properties) {
  const words = useWords(rangeWords);
  const { zone } = useChoices();
  const [from, setFrom] = useState(fieldOf(range.start, zone));
  const [to, setTo] = useState(fieldOf(range.end, zone));
  const [problem, setProblem] = useState<{ readonly field: "from" | "to"; readonly text: string } | null>(null);
  const id = useId();
  const apply = (event: FormEvent) => {
    event.preventDefault();
    const [start, end] = [timeOfEdited(from, range.start, zone), timeOfEdited(to, range.end, zone)];
    if (start === null) setProblem({ field: "from", text: words.unreadable });
    else if (end === null) setProblem({ field: "to", text: words.unreadable });
    else if (isEmpty(start, end)) setProblem({ field: "to", text: words.endFirst });
    else onChange({ start, end });
  };
  return (
    <form className="fields-of" onSubmit={apply}>
      <div className="quick-ranges">
        <button type="button" aria-pressed={range.start === "" && range.end === ""} onClick={() => onChange(ALL_TIME)}>
          {words.allTime}
        </button>
        {QUICK_RANGES.map((start) => (
          <button
            key={start}
            type="button"
            aria-pressed={range.start === start && range.end === ""}
            onClick={() => onChange({ start, end: "" })}
          >
            {words.last[start]}
          </button>
        ))}
      </div>
      {(
        [
          ["from", from, setFrom],
          ["to", to, setTo],
        ] as const
      ).map(([field, value, set]) => (
        <label key={field} className="range-field">
          <span>
            {words[field]} <span className="dim">({words.zone[zone]})</span>
          </span>
          <input
            type="datetime-local"
            step="0.001"
            value={value}
            aria-invalid={problem?.field === field}
            aria-describedby={field === "to" || problem?.field === field ? `${id}-hint` : undefined}
            onChange={(event) => {
              set(event.target.value);
              setProblem(null);
            }}
          />
        </label>
      ))}
      <p id={`${id}-hint`} role="status" className="range-hint" data-problem={problem !== null}>
        {problem?.text ?? (to === "" ? "" : words.endStopsLive)}
      </p>
      <button type="submit">{words.apply}</button>
    </form>
  );
}
