/** The colours of the levels for a canvas, which knows no style sheet. */

import type { Series } from "../metrics/series";
import { kindOf } from "../records/levels";

type Rgb = readonly [number, number, number];

/** How much each further level of one kind fades into the ground. */
const FADE = 0.35;

/** A colour for each series, by kind; levels of the same kind fade one after the other. */
export function colorsOf(series: readonly Series[], place: HTMLElement): string[] {
  const ground = resolved("--ground", place);
  const used = new Map<string, number>();
  return series.map(({ severity }) => {
    const kind = kindOf(severity);
    const before = used.get(kind) ?? 0;
    used.set(kind, before + 1);
    const share = 1 - (1 - FADE) ** before;
    const color = resolved(`--${kind}`, place);
    const mixed = color.map((channel, index) => Math.round(channel * (1 - share) + (ground[index] ?? 0) * share));
    return `rgb(${mixed.join(" ")})`;
  });
}

/** A variable as the theme in force has it. */
export function colorOf(variable: string, place: HTMLElement): string {
  return `rgb(${resolved(variable, place).join(" ")})`;
}

function resolved(variable: string, place: HTMLElement): Rgb {
  const probe = document.createElement("span");
  probe.style.color = `var(${variable})`;
  place.append(probe);
  const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number);
  probe.remove();
  return [red, green, blue];
}
