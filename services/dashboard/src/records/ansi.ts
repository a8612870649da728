/**
 * Colours and emphasis of a terminal (ECMA-48 SGR sequences) as names that the style sheet knows. Every other terminal
 * sequence stays in the text and is shown as it is. It must never yield HTML or an address.
 */
import Anser from "anser";

export const COLORS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
export type Color = (typeof COLORS)[number];
export type Emphasis = "bold" | "dim" | "italic" | "underline" | "strikethrough";

export interface StyledPart {
  readonly text: string;
  readonly color: Color | null;
  readonly background: Color | null;
  readonly emphasis: readonly Emphasis[];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
const SGR = /\u001b\[[\d;]*m/g;
const EMPHASES: readonly string[] = ["bold", "dim", "italic", "underline", "strikethrough"];
/** A sequence alone has no text, so each gets one whose style can be read. */
const PROBE = "x";
/** As most terminals show them; only used to find the nearest. */
const RGB: Readonly<Record<Color, readonly [number, number, number]>> = {
  black: [40, 40, 40],
  red: [205, 30, 30],
  green: [30, 170, 30],
  yellow: [205, 180, 30],
  blue: [50, 80, 230],
  magenta: [200, 50, 200],
  cyan: [40, 180, 200],
  white: [220, 220, 220],
};

/** The text without its SGR sequences, cut where the style changes. */
export function styledParts(text: string): StyledPart[] {
  const sequences = text.match(SGR);
  if (sequences === null) return [{ text, color: null, background: null, emphasis: [] }];
  const texts = text.split(SGR);
  const styles = stylesAfter(sequences);
  return texts.flatMap((part, index) => (part === "" ? [] : [{ text: part, ...(styles[index] as Style) }]));
}

/** The text without its SGR sequences. */
export function plainText(text: string): string {
  return text.replace(SGR, "");
}

type Style = Omit<StyledPart, "text">;
const PLAIN: Style = { color: null, background: null, emphasis: [] };

/** The style before the first sequence, and after each. */
function stylesAfter(sequences: readonly string[]): Style[] {
  const probes = sequences.map((sequence) => sequence + PROBE).join("");
  const painted = Anser.ansiToJson(probes, { json: true, remove_empty: true });
  // If the library ever reads a sequence differently, the text stays, without style.
  if (painted.length !== sequences.length) return Array(sequences.length + 1).fill(PLAIN);
  return [
    PLAIN,
    // The library has already swapped reversed colours.
    ...painted.map(
      ({ fg, bg, decorations }): Style => ({
        color: nearest(fg),
        background: nearest(bg),
        emphasis: decorations.filter((name): name is Emphasis => EMPHASES.includes(name)),
      }),
    ),
  ];
}

/** The named colour nearest to "red, green, blue" in decimal; null for none. */
function nearest(painted: string | null): Color | null {
  if (!painted) return null;
  const [red = 0, green = 0, blue = 0] = painted.split(",").map(Number);
  const distance = (color: Color) => {
    const [r, g, b] = RGB[color];
    return (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2;
  };
  return COLORS.reduce((best, color) => (distance(color) < distance(best) ? color : best));
}
