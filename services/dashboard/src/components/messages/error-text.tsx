/** An error in the reader's language, with the server's own text if it sent any. */
import type { ServerError } from "../../history/request";
import { pageTexts } from "../../texts/page";
import { useTexts } from "../preferences/preferences-context";

export function ErrorText({ error }: { error: ServerError }) {
  const texts = useTexts(pageTexts);
  const titles = {
    unreachable: texts.unreachable,
    unreadable: texts.unreadableAnswer,
    refused: error.title === "" ? texts.refused(error.status) : error.title,
  };
  const details = error.problems.map(({ name, value, expected }) => texts.expected(name, value, expected));
  if (details.length === 0) details.push(error.detail === "" ? texts.noAnswer(error.address) : error.detail);
  return (
    <div>
      <p>
        <strong>{titles[error.kind]}</strong>
      </p>
      {details.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>
  );
}
