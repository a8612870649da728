/**
 * @file Sends the records of an outbox in batches with LogIngest/Push until each batch is answered. It must never change the
 * bytes of a batch: logstream recognises a retry by its id and stores it once.
 */
import { backoffMs, Pause } from "./backoff.js";
import { BATCH_RECORDS, encodeBatch, encodeRecord, RECORDS_BYTES } from "./encoding.js";

const PATH = "/logstream.v1.LogIngest/Push";
/** Statuses that are not about the batch: retried without a limit. */
const TRANSIENT = new Set(["UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED"]);
/** A broken connection, or a server that fails on this batch: retried a few times only, because other batches wait. */
const DOUBTFUL = new Set(["INTERNAL", "UNKNOWN", "DATA_LOSS"]);
const DOUBTFUL_ATTEMPTS = 10;
const SHORTEST_ATTEMPT_MS = 50;

/** @typedef {import("./connection.js").Failure} Failure */

export class PushSender {
  #outbox;
  #connection;
  #settings;
  #announcer;
  #pause = new Pause();
  #isSending = false;
  #isFlushing = false;
  #endAt = Number.POSITIVE_INFINITY;
  /** @type {NodeJS.Timeout | undefined} */
  #ageTimer;

  /**
   * @param {object} parts
   * @param {import("./outbox.js").Outbox} parts.outbox
   * @param {import("./connection.js").Connection} parts.connection
   * @param {import("./settings.js").Settings} parts.settings
   * @param {import("./announcer.js").Announcer} parts.announcer
   */
  constructor({ outbox, connection, settings, announcer }) {
    this.#outbox = outbox;
    this.#connection = connection;
    this.#settings = settings;
    this.#announcer = announcer;
  }

  /** @param {import("./record.js").LogRecord} record */
  encode(record) {
    return encodeRecord(record);
  }

  /** Call it when the outbox has a new record. */
  wake() {
    const isDue =
      this.#isFlushing ||
      this.#outbox.size >= this.#settings.flushRecords ||
      this.#outbox.bytes >= this.#settings.flushBytes ||
      this.#outbox.isFull(0);
    if (isDue) {
      this.#send();
    } else {
      this.#ageTimer ??= setTimeout(() => this.#send(), this.#settings.flushAgeMs);
    }
  }

  /** Sends the waiting records, however few. */
  flush() {
    this.#isFlushing = true;
    this.#send();
  }

  /** No attempt begins or lasts after this moment (of Date.now()). Records that are left then are dropped.
   * @param {number} moment
   */
  endAt(moment) {
    this.#endAt = moment;
    this.#pause.end();
    this.flush();
  }

  async #send() {
    clearTimeout(this.#ageTimer);
    this.#ageTimer = undefined;
    if (this.#isSending) {
      return;
    }
    this.#isSending = true;
    do {
      // Records that came while the last batch was sent have waited long enough.
      const taken = this.#outbox.take(BATCH_RECORDS, RECORDS_BYTES);
      if (taken.records.length > 0) {
        this.#outbox.settle(
          taken,
          await this.#deliver(encodeBatch(this.#settings.node, taken.records), taken.records.length),
        );
      }
    } while (this.#outbox.size > 0);
    this.#isFlushing = false;
    this.#isSending = false;
  }

  /**
   * @param {Buffer} batch
   * @param {number} records
   * @returns {Promise<import("./outbox.js").Outcome>}
   */
  async #deliver(batch, records) {
    for (let attempts = 1; ; attempts += 1) {
      const timeoutMs = Math.min(this.#settings.callTimeoutMs, this.#endAt - Date.now());
      if (timeoutMs <= 0) {
        return this.#abandon(records);
      }
      const answer = await this.#connection.call(PATH, batch, { timeoutMs, waitForReady: false });
      if (Buffer.isBuffer(answer)) {
        this.#announcer.reached();
        return "delivered";
      }
      if (isFinal(answer, attempts)) {
        this.#announcer.rejected(records, answer);
        return "rejected";
      }
      this.#announcer.unreachable(answer);
      // After a call without an answer the connection may be dead, which TCP notices only after minutes.
      if (answer.status === "DEADLINE_EXCEEDED") {
        this.#connection.close();
      }
      if (!(await this.#waitAfter(attempts, answer.retryAfterMs))) {
        return this.#abandon(records);
      }
    }
  }

  /** @param {number} records */
  #abandon(records) {
    this.#announcer.dropped(records, "undelivered");
    return /** @type {const} */ ("dropped");
  }

  /**
   * @param {number} attempts
   * @param {number | undefined} retryAfterMs
   * @returns {Promise<boolean>} false if no attempt can follow.
   */
  async #waitAfter(attempts, retryAfterMs) {
    const startedAt = Date.now();
    const waitMs = backoffMs(this.#settings, attempts, retryAfterMs);
    for (;;) {
      const waitedMs = Date.now() - startedAt;
      const remainingMs = this.#endAt - Date.now();
      if (remainingMs < Math.max((retryAfterMs ?? 0) - waitedMs, SHORTEST_ATTEMPT_MS)) {
        return false;
      }
      // Near the end, the client's own part of the wait becomes shorter, so that the last attempts happen before it.
      const leftMs = Math.max(retryAfterMs ?? 0, Math.min(waitMs, remainingMs / 8)) - waitedMs;
      if (leftMs <= 0) {
        return true;
      }
      await this.#pause.wait(leftMs);
    }
  }
}

/**
 * @param {Failure} failure
 * @param {number} attempts
 */
function isFinal(failure, attempts) {
  if (DOUBTFUL.has(failure.status)) {
    return attempts >= DOUBTFUL_ATTEMPTS;
  }
  if (failure.status === "RESOURCE_EXHAUSTED") {
    // gRPC uses this status both for a server that is too busy and for a message that is too large.
    return failure.message.includes("larger than max");
  }
  return !TRANSIENT.has(failure.status);
}
