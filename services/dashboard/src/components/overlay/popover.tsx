/** A button that opens a popover below it. Esc or a click beside it closes it, and the focus returns to the button. */
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import "./overlay.css";

interface Properties {
  label: ReactNode;
  /** True while the button's setting is in use. */
  used?: boolean;
  className?: string;
  /** Rendered only while open, with a function that closes it. */
  children: (close: () => void) => ReactNode;
}

const MARGIN_PX = 8;

export function Popover({ label, used = false, className = "", children }: Properties) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const element = content.current;
    if (!open || element === null || button.current === null) return;
    const at = button.current.getBoundingClientRect();
    const room_px = document.documentElement.clientWidth - element.offsetWidth - MARGIN_PX;
    element.style.left = `${Math.max(Math.min(at.left, room_px), MARGIN_PX)}px`;
    element.style.top = `${at.bottom}px`;
    element.style.maxHeight = `${document.documentElement.clientHeight - at.bottom - MARGIN_PX}px`;
    element.querySelector<HTMLElement>("input, button, [tabindex]")?.focus();
  }, [open]);
  const close = () => content.current?.hidePopover();
  return (
    <div className={`menu ${className}`}>
      <button ref={button} type="button" popoverTarget={id} aria-expanded={open} data-used={used}>
        {label}
      </button>
      <div
        ref={content}
        id={id}
        className="popover"
        popover="auto"
        onToggle={(event) => setOpen(event.newState === "open")}
      >
        {open && children(close)}
      </div>
    </div>
  );
}
