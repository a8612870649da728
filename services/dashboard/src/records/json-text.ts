/** JSON inside of messages, laid out for reading. Numbers, order and repeated keys stay as they were logged: nothing is parsed and written anew. */
import { applyEdits, format } from "jsonc-parser";
import { plainText } from "./ansi";

/** Longer ones are shown as they are: laying them out would hold up the page. */
const MOST_CHARACTERS = 200_000;

/** The message with its JSON object or array over several lines, or null when it holds none, or one without content. */
export function laidOutJson(message: string): string | null {
  if (message.length > MOST_CHARACTERS) return null;
  const text = plainText(message);
  const start = text.search(/[{[]/);
  if (start < 0) return null;
  const [head, json] = [text.slice(0, start), text.slice(start).trimEnd()];
  if (!isJson(json)) return null;
  const edits = format(json, undefined, { insertSpaces: true, tabSize: 2, eol: "\n" });
  const laidOut = applyEdits(json, edits);
  if (laidOut === json && !json.includes("\n")) return null;
  return head.trim() === "" ? laidOut : `${head.trimEnd()}\n${laidOut}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
