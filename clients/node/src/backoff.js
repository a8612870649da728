/**
 * @file How long to wait after a failure, and waiting that can be cut short. The formula is this package's own: it is
 * published, and shares no code with the services or with the Python client.
 */

/**
 * Full jitter below a doubling bound, and never sooner than the gateway asked, plus up to a tenth.
 *
 * @param {{ backoffFirstMs: number, backoffMostMs: number }} settings
 * @param {number} failures Failures so far, from 1.
 * @param {number | undefined} askedMs
 * @returns {number} milliseconds
 */
export function backoffMs(settings, failures, askedMs) {
  const bound = Math.min(settings.backoffMostMs, settings.backoffFirstMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(Math.random() * bound, (askedMs ?? 0) * (1 + Math.random() / 10));
}

/** A pause that doesn't keep the process alive. */
export class Pause {
  #end = () => {};

  /** @param {number} ms */
  wait(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#end = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  /** Ends the pause under way, if any. */
  end() {
    this.#end();
  }
}
