/** A modal dialog: closed by Esc, by its button, or by a click beside it. */
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { recordTexts } from "../../texts/record";
import { useTexts } from "../preferences/preferences-context";
import "./overlay.css";

interface Properties {
  title: string;
  wide?: boolean;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, wide = false, onClose, children }: Properties) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  const texts = useTexts(recordTexts);
  // Closed before its element is removed: only then does the browser return the focus to the element that had it.
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes it by keyboard
    <dialog
      ref={element}
      className="dialog"
      data-wide={wide}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className="dialog-inside">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" onClick={onClose}>
            {texts.close}
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
