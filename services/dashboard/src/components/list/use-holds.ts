/** Holds the list while the reader uses the mouse on it or selects text. */
import { type RefObject, useEffect } from "react";
import type { LogView } from "../../log-view/log-view";

/** How long the list is held after the mouse has moved over it. */
const TOUCHING_MS = 700;

/** What the mouse moves towards or is pressed on must still be there when it is released. */
export function useTouchHold(scroller: RefObject<HTMLDivElement | null>, view: LogView) {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    let pressed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hold = () => {
      clearTimeout(timer);
      view.setTouching(true);
      if (!pressed) timer = setTimeout(() => view.setTouching(false), TOUCHING_MS);
    };
    const onMove = (event: PointerEvent) => {
      if (event.pointerType === "mouse") hold();
    };
    const onDown = () => {
      pressed = true;
      hold();
    };
    const onUp = () => {
      if (!pressed) return;
      pressed = false;
      hold();
    };
    element.addEventListener("pointermove", onMove);
    element.addEventListener("pointerdown", onDown);
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, onUp);
    return () => {
      clearTimeout(timer);
      element.removeEventListener("pointermove", onMove);
      element.removeEventListener("pointerdown", onDown);
      for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, onUp);
    };
  }, [scroller, view]);
}

/** Text must not move away while it is selected. */
export function useSelectionHold(scroller: RefObject<HTMLDivElement | null>, view: LogView) {
  useEffect(() => {
    const onSelection = () => {
      const selection = document.getSelection();
      const selecting = selection !== null && !selection.isCollapsed && selection.rangeCount > 0;
      view.setSelecting(
        selecting && scroller.current?.contains(selection.getRangeAt(0).commonAncestorContainer) === true,
      );
    };
    document.addEventListener("selectionchange", onSelection);
    return () => document.removeEventListener("selectionchange", onSelection);
  }, [scroller, view]);
}
