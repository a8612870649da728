/** Bars of records by level over time. Dragging across the chart selects a range. */
import { type CSSProperties, useEffect, useRef, useState, useSyncExternalStore } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Language } from "../../browser/preferences";
import { type Series, type Stack, strengthsOf, totalOf } from "../../metrics/series";
import { dateTime, type Zone } from "../../records/clock-time";
import type { Range } from "../../records/filter";
import { kindOf } from "../../records/levels";
import { isoOfMicros } from "../../records/time";
import { digits } from "../../texts/language";
import { metricsTexts } from "../../texts/metrics";
import { useChoices, useTexts } from "../preferences/preferences-context";
import { VisibleText } from "../text/visible-text";
import { colorOf, colorsOf } from "./chart-colors";

interface Properties {
  stack: Stack;
  /** The span of the time axis; without it, the times of the bars. */
  span?: { readonly from_ms: number; readonly to_ms: number };
  onRange: (range: Range) => void;
}

const HEIGHT_PX = 112;
/** A shorter drag is a click. */
const MIN_DRAG_PX = 4;
const GAP_PX = 1;

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

/** uPlot draws series over each other: each has the sum up to its level, and the highest is drawn first. */
function dataOf({ times_ms, series }: Stack): uPlot.AlignedData {
  const sums = times_ms.map(() => 0);
  const stacked = series.map(({ values }) => values.map((value, index) => (sums[index] = (sums[index] ?? 0) + value)));
  return [times_ms.map((time_ms) => time_ms / 1000), ...stacked.reverse()];
}

interface ChartOptions {
  readonly stack: Stack;
  readonly element: HTMLElement;
  readonly zone: Zone;
  readonly language: Language;
  /** Called with the range that was dragged over. */
  readonly choose: (from_s: number, to_s: number) => void;
  /** Called with the bar under the mouse. */
  readonly point: (index: number | null) => void;
}

function optionsOf({ stack, element, zone, language, choose, point }: ChartOptions): uPlot.Options {
  const colors = colorsOf(stack.series, element).reverse();
  const [dim, line] = [colorOf("--dim", element), colorOf("--line", element)];
  const axis = {
    stroke: dim,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
    font: "11px system-ui",
  };
  const bars = uPlot.paths.bars?.({ size: [1, 100], align: 1, gap: GAP_PX });
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    ms: 1e-3,
    tzDate: (seconds) =>
      zone === "utc" ? uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") : new Date(seconds * 1000),
    cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false },
    scales: { x: { time: true }, y: { range: (_plot, _low, high) => [0, Math.max(high, 1) * 1.05] } },
    axes: [
      { ...axis, size: 28, space: 90, values: (_plot, seconds) => timeLabels(seconds, zone) },
      {
        ...axis,
        size: 44,
        values: (_plot, values) =>
          values.map((value) => value.toLocaleString(language, { notation: "compact", maximumFractionDigits: 1 })),
      },
    ],
    series: [
      {},
      ...colors.map(
        (color): uPlot.Series => ({
          fill: color,
          stroke: color,
          width: 0,
          points: { show: false },
          ...(bars && { paths: bars }),
        }),
      ),
    ],
    hooks: {
      setCursor: [(plot) => point(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width >= MIN_DRAG_PX) choose(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
    padding: [6, 24, 0, 0],
  };
}

/** In 24-hour time, as in the list; with the date where it changes. */
function timeLabels(seconds: readonly number[], zone: Zone): string[] {
  const texts = seconds.map((second) => dateTime(new Date(second * 1000).toISOString(), zone));
  const wholeMinutes = texts.every((text) => text.endsWith(":00"));
  return texts.map((text, index) => {
    const [date, clock = ""] = text.split(" ");
    const time = wholeMinutes ? clock.slice(0, 5) : clock;
    if (index > 0 && texts[index - 1]?.startsWith(date ?? "")) return time;
    return seconds.length > 1 && texts.at(-1)?.startsWith(date ?? "") && index === 0
      ? time
      : `${date?.slice(5)} ${time}`;
  });
}

/** uPlot only supports the mouse. Moving a finger sideways selects; up and down scrolls the page. */
function chooseByTouch(plot: uPlot, choose: (from_s: number, to_s: number) => void): () => void {
  const { over } = plot;
  let from_px: number | null = null;
  const pixelOf = (event: PointerEvent) => event.clientX - over.getBoundingClientRect().left;
  const onDown = (event: PointerEvent) => {
    if (event.pointerType === "touch") from_px = pixelOf(event);
  };
  const onMove = (event: PointerEvent) => {
    if (from_px === null || event.pointerType !== "touch") return;
    const to_px = pixelOf(event);
    const select = {
      left: Math.min(from_px, to_px),
      top: 0,
      width: Math.abs(to_px - from_px),
      height: over.clientHeight,
    };
    plot.setSelect(select, false);
  };
  const onUp = (event: PointerEvent) => {
    if (from_px === null || event.pointerType !== "touch") return;
    const [low, high] = [from_px, pixelOf(event)].sort((a, b) => a - b) as [number, number];
    from_px = null;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (event.type === "pointerup" && high - low >= MIN_DRAG_PX)
      choose(plot.posToVal(low, "x"), plot.posToVal(high, "x"));
  };
  const listeners = { pointerdown: onDown, pointermove: onMove, pointerup: onUp, pointercancel: onUp };
  for (const [name, listener] of Object.entries(listeners)) over.addEventListener(name, listener as EventListener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) over.removeEventListener(name, listener as EventListener);
  };
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
