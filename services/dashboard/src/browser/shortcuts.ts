/** Keys that work anywhere on the page. The keys of the list are handled by the list. */

/** True where a key is input, or belongs to an open dialog or popover. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  if (document.querySelector("dialog[open]") !== null) return true;
  return target.closest("input, textarea, select, [contenteditable], [popover]") !== null;
}

/** Calls the action of a key. Returns a function that stops listening. */
export function listenForKeys(actions: Readonly<Record<string, () => void>>): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
    if (event.key === " " && event.target instanceof HTMLButtonElement) return;
    if (!Object.hasOwn(actions, event.key)) return;
    actions[event.key]?.();
    event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
