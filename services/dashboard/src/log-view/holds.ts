/** Why the list does not follow the newest records. */

/** Any of them holds the list. touching: the mouse is over the list, and what is under it may be about to be used. */
export type Hold = "paused" | "away" | "selecting" | "touching";

export class Holds {
  #holds = new Set<Hold>();

  has(hold: Hold): boolean {
    return this.#holds.has(hold);
  }

  get any(): boolean {
    return this.#holds.size > 0;
  }

  /** True while somebody reads: a mouse that moves over the list reads nothing yet. */
  get reading(): boolean {
    return [...this.#holds].some((hold) => hold !== "touching");
  }

  /** False when nothing changes. */
  set(hold: Hold, on: boolean): boolean {
    if (this.#holds.has(hold) === on) return false;
    if (on) this.#holds.add(hold);
    else this.#holds.delete(hold);
    return true;
  }

  clear(): void {
    this.#holds.clear();
  }
}
