/** The stacked chart as uPlot wants it: data, series, axes. */
import uPlot from "uplot";
import type { Language } from "../../browser/preferences";
import type { Stack } from "../../metrics/series";
import { dateTime, type Zone } from "../../records/clock-time";
import { colorOf, colorsOf } from "./chart-colors";
import { MIN_DRAG_PX } from "./chart-touch";

export const HEIGHT_PX = 112;
const GAP_PX = 1;

/** uPlot draws series over each other: each has the sum up to its level, and the highest is drawn first. */
export function dataOf({ times_ms, series }: Stack): uPlot.AlignedData {
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

export function optionsOf({ stack, element, zone, language, choose, point }: ChartOptions): uPlot.Options {
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
