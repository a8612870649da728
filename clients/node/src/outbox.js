/**
 * @file Holds encoded records until they are sent: bounded, first in, first out, every record counted. It must not know the
 * network.
 */

/**
 * @typedef {object} Stats Counts since the transport was made. Each record is in exactly one of them.
 * @property {number} recordsBuffered Waiting or being sent.
 * @property {number} recordsDelivered
 * @property {number} recordsRejected Permanently rejected by the gateway.
 * @property {number} recordsUnconfirmed sendlog: sent, but not answered with success; each may or may not be stored.
 * @property {number} recordsDropped Never sent.
 */

/** @typedef {{ records: Buffer[], bytes: number }} Taken */
/** @typedef {"delivered" | "rejected" | "unconfirmed" | "dropped"} Outcome */

export class Outbox {
  /** @type {Buffer[]} */
  #waiting = [];
  #first = 0;
  #waitingBytes = 0;
  #heldRecords = 0;
  #heldBytes = 0;
  #counts = { delivered: 0, rejected: 0, unconfirmed: 0, dropped: 0 };
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #limits;

  /** @param {{ bufferRecords: number, bufferBytes: number }} limits */
  constructor(limits) {
    this.#limits = limits;
  }

  /** The number of records that wait to be taken. */
  get size() {
    return this.#waiting.length - this.#first;
  }

  /** The bytes of the records that wait to be taken. */
  get bytes() {
    return this.#waitingBytes;
  }

  /** Whether no record waits and none is being sent. */
  get isEmpty() {
    return this.#heldRecords === 0;
  }

  /** Whether there is no room for another record of this size. An empty outbox has room for a record of any size.
   * @param {number} bytes
   */
  isFull(bytes) {
    return (
      this.#heldRecords >= this.#limits.bufferRecords ||
      (this.#heldRecords > 0 && this.#heldBytes + bytes > this.#limits.bufferBytes)
    );
  }

  /** Adds a record. The caller must have checked isFull.
   * @param {Buffer} record
   */
  put(record) {
    this.#waiting.push(record);
    this.#waitingBytes += record.length;
    this.#heldRecords += 1;
    this.#heldBytes += record.length;
  }

  /** Takes the oldest records, at least one if there are any. They count as held until they are settled.
   * @param {number} maxRecords
   * @param {number} maxBytes
   * @returns {Taken}
   */
  take(maxRecords, maxBytes) {
    const records = [];
    let bytes = 0;
    while (this.size > 0 && records.length < maxRecords) {
      const record = this.#waiting[this.#first];
      if (records.length > 0 && bytes + record.length > maxBytes) {
        break;
      }
      records.push(record);
      bytes += record.length;
      this.#first += 1;
    }
    // Removing records one by one from the front would move the whole array each time.
    if (this.#first > 1_000 && this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    this.#waitingBytes -= bytes;
    return { records, bytes };
  }

  /** Counts the outcome of taken records.
   * @param {Taken} taken
   * @param {Outcome} outcome
   */
  settle(taken, outcome) {
    this.#heldRecords -= taken.records.length;
    this.#heldBytes -= taken.bytes;
    this.#counts[outcome] += taken.records.length;
    if (this.isEmpty) {
      for (const listener of [...this.#listeners]) {
        listener();
      }
    }
  }

  /** Counts a record that was dropped before put. */
  countDropped() {
    this.#counts.dropped += 1;
  }

  /** Waits until the outbox is empty. The wait keeps the process alive.
   * @param {number} timeoutMs
   * @returns {Promise<boolean>} false if the timeout was over before.
   */
  whenEmpty(timeoutMs) {
    if (this.isEmpty) {
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#listeners.delete(end);
        resolve(this.isEmpty);
      };
      const timer = setTimeout(end, timeoutMs);
      this.#listeners.add(end);
    });
  }

  /** @returns {Stats} */
  stats() {
    return {
      recordsBuffered: this.#heldRecords,
      recordsDelivered: this.#counts.delivered,
      recordsRejected: this.#counts.rejected,
      recordsUnconfirmed: this.#counts.unconfirmed,
      recordsDropped: this.#counts.dropped,
    };
  }
}
