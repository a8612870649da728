/** Bars of records by level over time. Dragging across the chart selects a range. */
import { type CSSProperties, useEffect, useRef, useState, useSyncExternalStore } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Series, type Stack, strengthsOf, totalOf } from "../../metrics/series";
import { dateTime, type Zone } from "../../records/clock-time";
import type { Range } from "../../records/filter";
import { kindOf } from "../../records/levels";
import { isoOfMicros } from "../../records/time";
import { digits } from "../../texts/language";
import { metricsTexts } from "../../texts/metrics";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import { dataOf, HEIGHT_PX, optionsOf } from "./chart-options";
import { chooseByTouch } from "./chart-touch";

interface Properties {
  stack: Stack;
  /** The span of the time axis; without it, the times of the bars. */
  span?: { readonly from_ms: number; readonly to_ms: number };
  onRange: (range: Range) => void;
}

export function StackedChart({ stack, span, onRange }: Properties) {
  const container = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const { zone, language, theme } = useChoices();
  const dark = useSyncExternalStore(watchScheme, isDark, () => false);
  const texts = useTexts(metricsTexts);
  const choose = useRef(onRange);
  choose.current = onRange;
  const chart = useRef<uPlot | null>(null);
  const shape = JSON.stringify(stack.series.map(({ name, severity }) => [name, severity]));

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new chart is needed when its structure changes, not when its numbers do
  useEffect(() => {
    const element = container.current;
    if (element === null) return;
    const plot = new uPlot(
      optionsOf({
        stack,
        element,
        zone,
        language,
        choose: (from, to) => choose.current(rangeOf(from, to)),
        point: setCursor,
      }),
      dataOf(stack),
      element,
    );
    chart.current = plot;
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    resized.observe(element);
    const stopTouch = chooseByTouch(plot, (from, to) => choose.current(rangeOf(from, to)));
    return () => {
      stopTouch();
      resized.disconnect();
      plot.destroy();
      chart.current = null;
    };
  }, [shape, stack.step_ms, zone, language, theme, dark]);

  const [from_ms, to_ms] = spanOf(stack, span);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new chart needs its span, too; a moved cursor redraws nothing
  useEffect(() => {
    const plot = chart.current;
    if (plot === null) return;
    plot.setData(dataOf(stack), false);
    plot.setScale("x", { min: from_ms / 1000, max: to_ms / 1000 });
  }, [stack, from_ms, to_ms, zone, language, theme, dark]);

  const total = stack.series.reduce((sum, series) => sum + totalOf(series), 0);
  const errors = stack.series.filter(({ severity }) => kindOf(severity) === "error");
  const summary = texts.chart({
    total,
    errors: errors.reduce((sum, series) => sum + totalOf(series), 0),
    from: dateTime(new Date(from_ms).toISOString(), zone),
    to: dateTime(new Date(to_ms).toISOString(), zone),
  });
  return (
    <figure className="chart">
      <div ref={container} className="plot" role="img" aria-label={summary} title={texts.chartHelp} />
      <Legend stack={stack} cursor={cursor} zone={zone} />
    </figure>
  );
}

function Legend({ stack, cursor, zone }: { stack: Stack; cursor: number | null; zone: Zone }) {
  const texts = useTexts(metricsTexts);
  const { language } = useChoices();
  const time_ms = cursor === null ? undefined : stack.times_ms[cursor];
  const countOf = (series: Series) => (time_ms === undefined ? totalOf(series) : (series.values[cursor ?? 0] ?? 0));
  const strengths = strengthsOf(stack.series);
  return (
    <figcaption className="legend">
      {stack.series.map((series, index) => (
        <span
          key={series.name}
          className="legend-entry"
          data-kind={kindOf(series.severity)}
          style={{ "--strength": `${(strengths[index] ?? 1) * 100}%` } as CSSProperties}
        >
          <VisibleText text={series.name === "" ? texts.otherLevels : series.name} />{" "}
          <b>{digits(countOf(series), language)}</b>
        </span>
      ))}
      {stack.series.length === 0 && <span>{texts.noRecords}</span>}
      {time_ms !== undefined && <time>{dateTime(new Date(time_ms).toISOString(), zone)}</time>}
    </figcaption>
  );
}

function rangeOf(from_s: number, to_s: number): Range {
  const iso = (time_ms: number) => isoOfMicros(BigInt(time_ms) * 1000n);
  const start_ms = Math.round(from_s * 1000);
  // On a very short span a drag can be shorter than a millisecond, but a range must not be empty.
  return { start: iso(start_ms), end: iso(Math.max(Math.round(to_s * 1000), start_ms + 1)) };
}

function spanOf({ times_ms, step_ms }: Stack, span: Properties["span"]): [number, number] {
  if (span !== undefined) return [span.from_ms, span.to_ms];
  const last_ms = times_ms.at(-1) ?? Date.now();
  return [times_ms[0] ?? last_ms - step_ms, last_ms + step_ms];
}

const SCHEME = "(prefers-color-scheme: dark)";

function watchScheme(changed: () => void): () => void {
  const query = window.matchMedia(SCHEME);
  query.addEventListener("change", changed);
  return () => query.removeEventListener("change", changed);
}

function isDark(): boolean {
  return window.matchMedia(SCHEME).matches;
}
