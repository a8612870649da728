/** Shows a text of a log as text: React escapes it, and hidden characters become stand-ins. */
import { visibleParts } from "../../records/visible-text";
import "./text.css";

export function VisibleText({ text }: { text: string }) {
  return visibleParts(text).map((part, index) =>
    part.standIn ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text never move
      <span key={index} className="stand-in">
        {part.text}
      </span>
    ) : (
      part.text
    ),
  );
}
