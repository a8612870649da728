/** Selecting a range of the chart by touch. */
import type uPlot from "uplot";

/** A shorter drag is a tap or a click. */
export const MIN_DRAG_PX = 4;

/** uPlot only supports the mouse. Moving a finger sideways selects; up and down scrolls the page. */
export function chooseByTouch(plot: uPlot, choose: (from_s: number, to_s: number) => void): () => void {
  const { over } = plot;
  let from_px: number | null = null;
  const pixelOf = (event: PointerEvent) => event.clientX - over.getBoundingClientRect().left;
  const onDown = (event: PointerEvent) => {
    if (event.pointerType === "touch") from_px = pixelOf(event);
  };
  const onMove = (event: PointerEvent) => {
    if (from_px === null || event.pointerType !== "touch") return;
    const to_px = pixelOf(event);
    const select = {
      left: Math.min(from_px, to_px),
      top: 0,
      width: Math.abs(to_px - from_px),
      height: over.clientHeight,
    };
    plot.setSelect(select, false);
  };
  const onUp = (event: PointerEvent) => {
    if (from_px === null || event.pointerType !== "touch") return;
    const [low, high] = [from_px, pixelOf(event)].sort((a, b) => a - b) as [number, number];
    from_px = null;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (event.type === "pointerup" && high - low >= MIN_DRAG_PX)
      choose(plot.posToVal(low, "x"), plot.posToVal(high, "x"));
  };
  const listeners = { pointerdown: onDown, pointermove: onMove, pointerup: onUp, pointercancel: onUp };
  for (const [name, listener] of Object.entries(listeners)) over.addEventListener(name, listener as EventListener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) over.removeEventListener(name, listener as EventListener);
  };
}
