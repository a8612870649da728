/** The colours of the levels for a canvas, which cannot use the style sheet. */

import { type Series, strengthsOf } from "../../metrics/series";
import { kindOf } from "../../records/levels";

type Rgb = readonly [number, number, number];

/** A colour for each series, by kind; each further level of a kind is fainter. */
export function colorsOf(series: readonly Series[], element: HTMLElement): string[] {
  const background = resolved("--background", element);
  const strengths = strengthsOf(series);
  return series.map(({ severity }, index) => {
    const strength = strengths[index] ?? 1;
    const color = resolved(`--${kindOf(severity)}`, element);
    const mixed = color.map((channel, at) => Math.round(channel * strength + (background[at] ?? 0) * (1 - strength)));
    return `rgb(${mixed.join(" ")})`;
  });
}

/** The value of a CSS variable in the current theme. */
export function colorOf(variable: string, element: HTMLElement): string {
  return `rgb(${resolved(variable, element).join(" ")})`;
}

function resolved(variable: string, element: HTMLElement): Rgb {
  const probe = document.createElement("span");
  probe.style.color = `var(${variable})`;
  element.append(probe);
  const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number);
  probe.remove();
  return [red, green, blue];
}
