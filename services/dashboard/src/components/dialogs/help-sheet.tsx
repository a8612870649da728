/** The keyboard shortcuts and the syntax of the text filter. */
import { helpTexts } from "../../texts/help";
import { Dialog } from "../overlay/dialog";
import { useTexts } from "../preferences/preferences-context";
import "./dialogs.css";

export function HelpSheet({ onClose }: { onClose: () => void }) {
  const texts = useTexts(helpTexts);
  return (
    <Dialog title={texts.title} onClose={onClose}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard */}
      <section className="dialog-scroll" aria-label={texts.title} tabIndex={0}>
        <dl className="key-list">
          {texts.keys.map(({ keys, text }) => (
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
        <h3>{texts.language}</h3>
        <dl className="key-list">
          {texts.examples.map(({ example, text }) => (
            <div key={example}>
              <dt>
                <code>{example}</code>
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        <p>
          <a href="/api/docs">{texts.api}</a>
        </p>
      </section>
    </Dialog>
  );
}
