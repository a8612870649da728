/** The keys and the text filter's language. */
import { helpWords } from "../../texts/help";
import { Dialog } from "../overlay/dialog";
import { useWords } from "../preferences/preferences-context";
import "./dialogs.css";

export function HelpSheet({ onClose }: { onClose: () => void }) {
  const words = useWords(helpWords);
  return (
    <Dialog title={words.title} onClose={onClose}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard */}
      <section className="dialog-scroll" aria-label={words.title} tabIndex={0}>
        <dl className="key-list">
          {words.keys.map(({ keys, text }) => (
            <div key={text}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        <h3>{words.language}</h3>
        <dl className="key-list">
          {words.examples.map(({ example, text }) => (
            <div key={example}>
              <dt>
                <code>{example}</code>
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        <p>
          <a href="/api/docs">{words.api}</a>
        </p>
      </section>
    </Dialog>
  );
}
