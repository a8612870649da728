/** Shows a text of a log with its terminal colours and with hidden characters made visible. Text only. */
import { type StyledPart, styledParts } from "../../records/ansi";
import { VisibleText } from "./visible-text";
import "./text.css";

export function StyledText({ text }: { text: string }) {
  const parts = styledParts(text);
  return parts.map((part, index) => {
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text never move
    return isPlain(part) ? <VisibleText key={index} text={part.text} /> : <Styled key={index} part={part} />;
  });
}

function Styled({ part: { text, color, background, emphasis } }: { part: StyledPart }) {
  return (
    <span
      className={["ansi", ...emphasis].join(" ")}
      data-color={color ?? undefined}
      data-background={background ?? undefined}
    >
      <VisibleText text={text} />
    </span>
  );
}

function isPlain({ color, background, emphasis }: StyledPart): boolean {
  return color === null && background === null && emphasis.length === 0;
}
