/** An error in the reader's words, and in the server's where it said some. */
import type { ServerError } from "../../history/ask";
import { pageWords } from "../../texts/page";
import { useWords } from "../preferences/preferences-context";

export function ErrorText({ error }: { error: ServerError }) {
  const words = useWords(pageWords);
  const titles = {
    unreachable: words.unreachable,
    unreadable: words.unreadableAnswer,
    refused: error.title === "" ? words.refused(error.status) : error.title,
  };
  const details = error.problems.map(({ name, value, expected }) => words.expected(name, value, expected));
  if (details.length === 0) details.push(error.detail === "" ? words.noAnswer(error.address) : error.detail);
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
