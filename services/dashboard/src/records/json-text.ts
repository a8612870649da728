/**
 * Lays out JSON in messages for reading. Numbers, order and repeated keys stay as they were logged: only the
 * space between tokens changes. It must never block the page, whatever was logged.
 */
import { createScanner, type JSONScanner } from "jsonc-parser";
import { plainText } from "./ansi";

/** Longer messages are shown as they are: laying them out would block the page. */
const MAX_CHARACTERS = 200_000;
/** Deeply nested brackets grow with the square of their number when indented. */
const MAX_LAID_OUT = 1_000_000;

/** The message with its JSON object or array on several lines; null when it has none, or an empty one. */
export function laidOutJson(message: string): string | null {
  if (message.length > MAX_CHARACTERS) return null;
  const text = plainText(message);
  // The first bracket may be another's: `[worker] {"ms":3}`.
  const start = [text.search(/[{[]/), text.indexOf("{")].find((at) => at >= 0 && isJson(text.slice(at)));
  if (start === undefined) return null;
  const [head, json] = [text.slice(0, start), text.slice(start).trimEnd()];
  const laidOut = overLines(json);
  if (laidOut === null || (laidOut === json && !json.includes("\n"))) return null;
  return head.trim() === "" ? laidOut : `${head.trimEnd()}\n${laidOut}`;
}

/** One pass over the tokens, since the library's edits cost the length of the text each. Null when it would grow too long. */
function overLines(json: string): string | null {
  const scanner = createScanner(json, true);
  const pieces: string[] = [];
  let length = 0;
  let depth = 0;
  let opened = false;
  for (let token = nextToken(scanner, json); token !== ""; token = nextToken(scanner, json)) {
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    // A bracket breaks the line on its inner side, unless it is empty.
    const before = opened !== closes ? lineBreak(depth) : "";
    opened = token === "{" || token === "[";
    if (opened) depth += 1;
    const after = token === "," ? lineBreak(depth) : token === ":" ? " " : "";
    pieces.push(before, token, after);
    length += before.length + token.length + after.length;
    if (length > MAX_LAID_OUT) return null;
  }
  return pieces.join("");
}

/** As it was logged, for the scanner's own value of a string is without its escapes; "" at the end. */
function nextToken(scanner: JSONScanner, json: string): string {
  scanner.scan();
  const offset = scanner.getTokenOffset();
  return json.slice(offset, offset + scanner.getTokenLength());
}

function lineBreak(depth: number): string {
  return `\n${"  ".repeat(depth)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
