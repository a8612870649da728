/** Makes hidden characters visible: control, zero-width and direction-changing ones. It must never yield HTML. */

export interface TextPart {
  readonly text: string;
  /** True for a stand-in of a hidden character. */
  readonly standIn: boolean;
}

// Tab and line feed stay: they are layout. So do U+200C and U+200D, which scripts and emoji need.
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for control characters
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

// ISO/IEC 646; names, because few fonts have the control pictures.
const ASCII_CONTROLS =
  "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(
    " ",
  );

/** The text in order, cut at every hidden character. */
export function visibleParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  // CR LF is a single line end.
  const lines = text.replaceAll("\r\n", "\n");
  for (const match of lines.matchAll(HIDDEN)) {
    if (match.index > end) parts.push({ text: lines.slice(end, match.index), standIn: false });
    parts.push({ text: standInOf(match[0]), standIn: true });
    end = match.index + match[0].length;
  }
  if (end < lines.length) parts.push({ text: lines.slice(end), standIn: false });
  return parts;
}

/** The text with every hidden character by its name, for what holds text alone: titles and the labels of buttons. */
export function namedText(text: string): string {
  return visibleParts(text)
    .map((part) => part.text)
    .join("");
}

/** The usual name of an ASCII control character, else the code point in hexadecimal. */
function standInOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x7f) return "DEL";
  return ASCII_CONTROLS[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
