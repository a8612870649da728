/** Selects a time range: all time, the last minutes or hours, or from a start to an end. */
import { type FormEvent, useId, useState } from "react";
import { dateTime, type Zone } from "../../records/clock-time";
import { fieldOf, timeOfEdited } from "../../records/field-time";
import { ALL_TIME, isLive, type Range } from "../../records/filter";
import { QUICK_RANGES, rangeTexts } from "../../texts/range";
import { Popover } from "../overlay/popover";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import "./time.css";

interface Properties {
  range: Range;
  onChange: (range: Range) => void;
}

export function RangePicker({ range, onChange }: Properties) {
  const texts = useTexts(rangeTexts);
  const { zone } = useChoices();
  const used = range.start !== "" || range.end !== "";
  return (
    <>
      <Popover className="range" used={used} label={<VisibleText text={textOf(range, texts, zone)} />}>
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
          {texts.backToLive}
        </button>
      )}
    </>
  );
}

function textOf({ start, end }: Range, texts: (typeof rangeTexts)["en"], zone: Zone): string {
  if (start === "" && end === "") return texts.allTime;
  const named = Object.hasOwn(texts.last, start) && end === "" ? texts.last[start] : undefined;
  if (named !== undefined) return named;
  const shown = (time: string) => (fieldOf(time, zone) === "" ? time : dateTime(time, zone));
  if (end === "") return texts.since(shown(start));
  return start === "" ? texts.until(shown(end)) : `${shown(start)} – ${shown(end)}`;
}

/** For absolute times in the services' form: comparing the texts compares the times. */
function isEmpty(start: string, end: string): boolean {
  return start !== "" && end !== "" && end <= start;
}

function Times({ range, onChange }: Properties) {
  const texts = useTexts(rangeTexts);
  const { zone } = useChoices();
  const [from, setFrom] = useState(fieldOf(range.start, zone));
  const [to, setTo] = useState(fieldOf(range.end, zone));
  const [problem, setProblem] = useState<{ readonly field: "from" | "to"; readonly text: string } | null>(null);
  const id = useId();
  const apply = (event: FormEvent) => {
    event.preventDefault();
    const [start, end] = [timeOfEdited(from, range.start, zone), timeOfEdited(to, range.end, zone)];
    if (start === null) setProblem({ field: "from", text: texts.unreadable });
    else if (end === null) setProblem({ field: "to", text: texts.unreadable });
    else if (isEmpty(start, end)) setProblem({ field: "to", text: texts.endFirst });
    else onChange({ start, end });
  };
  return (
    <form className="fields-of" onSubmit={apply}>
      <div className="quick-ranges">
        <button type="button" aria-pressed={range.start === "" && range.end === ""} onClick={() => onChange(ALL_TIME)}>
          {texts.allTime}
        </button>
        {QUICK_RANGES.map((start) => (
          <button
            key={start}
            type="button"
            aria-pressed={range.start === start && range.end === ""}
            onClick={() => onChange({ start, end: "" })}
          >
            {texts.last[start]}
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
            {texts[field]} <span className="dim">({texts.zone[zone]})</span>
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
        {problem?.text ?? (to === "" ? "" : texts.endStopsLive)}
      </p>
      <button type="submit">{texts.apply}</button>
    </form>
  );
}
