/** @file Reports records that could not be sent: by events, or by warnings of the process if an event has no listener. */

const PAUSE_MS = 10_000;

/** @typedef {import("./connection.js").Failure} Failure */

/**
 * Adds up records by event and cause. Reports the first at once, then the sum every ten seconds while there are more.
 *
 * Events: `dropped` {records, reason}, `rejected` {records, status, message}, `unconfirmed` {records, status, message} and
 * `unreachable` {target, status, message}. The last one is emitted once until the gateway answers again.
 */
export class Announcer {
  #emitter;
  #target;
  #isUnreachable = false;
  /** @type {Map<string, { event: string, records: number, details: object, timer: NodeJS.Timeout }>} */
  #sums = new Map();

  /**
   * @param {import("node:events").EventEmitter} emitter
   * @param {string} target
   */
  constructor(emitter, target) {
    this.#emitter = emitter;
    this.#target = target;
  }

  /** @param {number} records @param {string} reason `full`, `too_large`, `closed` or `undelivered` */
  dropped(records, reason) {
    this.#add("dropped", reason, records, { reason });
  }

  /** @param {number} records @param {Failure} failure */
  rejected(records, failure) {
    this.#add("rejected", failure.status, records, { status: failure.status, message: failure.message });
  }

  /** @param {number} records @param {Failure} failure */
  unconfirmed(records, failure) {
    this.#add("unconfirmed", failure.status, records, { status: failure.status, message: failure.message });
  }

  /** @param {Failure} failure */
  unreachable(failure) {
    if (!this.#isUnreachable) {
      this.#isUnreachable = true;
      this.#emit("unreachable", { target: this.#target, status: failure.status, message: failure.message });
    }
  }

  /** Call it when the gateway has answered. */
  reached() {
    this.#isUnreachable = false;
  }

  /** Reports the sums that are not reported yet. */
  finish() {
    for (const key of [...this.#sums.keys()]) {
      this.#emitSum(key);
    }
  }

  /**
   * @param {string} event
   * @param {string} cause
   * @param {number} records
   * @param {object} details
   */
  #add(event, cause, records, details) {
    const key = `${event} ${cause}`;
    const sum = this.#sums.get(key);
    if (sum !== undefined) {
      sum.records += records;
      return;
    }
    const timer = setInterval(() => this.#emitSum(key), PAUSE_MS);
    timer.unref();
    this.#sums.set(key, { event, records: 0, details, timer });
    this.#emit(event, { records, ...details });
  }

  /** @param {string} key */
  #emitSum(key) {
    const sum = this.#sums.get(key);
    if (sum === undefined) {
      return;
    }
    if (sum.records > 0) {
      this.#emit(sum.event, { records: sum.records, ...sum.details });
      sum.records = 0;
    } else {
      clearInterval(sum.timer);
      this.#sums.delete(key);
    }
  }

  /** @param {string} event @param {object} details */
  #emit(event, details) {
    if (!this.#emitter.emit(event, details)) {
      const text = Object.entries(details).map(([name, value]) => `${name} ${value}`);
      process.emitWarning(`${event}: ${text.join(", ")}`, "LogstreamWarning");
    }
  }
}
