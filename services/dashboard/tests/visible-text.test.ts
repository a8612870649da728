import { expect, test } from "vitest";
import { namedText, visibleParts } from "../src/records/visible-text";

const shown = (text: string) =>
  visibleParts(text)
    .map((part) => (part.standIn ? `[${part.text}]` : part.text))
    .join("");

test.each([
  ["plain, 한국어, emoji 👩‍💻 and\ttab\nline", "plain, 한국어, emoji 👩‍💻 and\ttab\nline"],
  ["\u001b[31mred", "[ESC][31mred"],
  ["a\u0000b\u007f", "a[NUL]b[DEL]"],
  ["one\r\ntwo\rthree", "one\ntwo[CR]three"],
  ["\u202eevil\u202c", "[U+202E]evil[U+202C]"],
  ["\u2066isolate\u2069\u200f", "[U+2066]isolate[U+2069][U+200F]"],
  ["zero\u200bwidth\ufeff", "zero[U+200B]width[U+FEFF]"],
  ["\u{e0041}tag", "[U+E0041]tag"],
  ["half \ud800 pair", "half [U+D800] pair"],
  ["<b onclick='x'>", "<b onclick='x'>"],
  ["", ""],
])("%j", (text, expected) => {
  expect(shown(text)).toBe(expected);
});

test("as text alone, hidden characters are their names", () => {
  expect(namedText("a\u202eb\u0000\nc")).toBe("aU+202EbNUL\nc");
});
