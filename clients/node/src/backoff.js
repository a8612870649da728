/**
 * @file How long to wait after a failure, and waiting that can be cut short. The formula is this package's own: it is
 * published, and shares no code with the services or with the Python client.
 */

/**
 * Full jitter below a bound that doubles, and never less than the delay that the gateway asked for, plus up to a tenth.
 *
 * @param {{ backoffFirstMs: number, backoffMostMs: number }} settings
 * @param {number} failures Failures so far, from 1.
 * @param {number | undefined} retryAfterMs
 * @returns {number} milliseconds
 */
export function backoffMs(settings, failures, retryAfterMs) {
  const bound = Math.min(settings.backoffMostMs, settings.backoffFirstMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(Math.random() * bound, (retryAfterMs ?? 0) * (1 + Math.random() / 10));
}

/** A pause that does not keep the process alive. */
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

  /** Ends the present pause, if there is one. */
  end() {
    this.#end();
  }
}
