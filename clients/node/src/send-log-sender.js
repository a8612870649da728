/**
 * @file Sends the records of an outbox one by one with LoggerService.Logger/SendLog. It must never resend a record that may
 * have reached the gateway: SendLog has no id, so a repeated record would be stored twice.
 */
import { backoffMs, Pause } from "./backoff.js";
import { encodeRequest } from "./encoding.js";
import { LogResponse } from "./protos.js";

const PATH = "/LoggerService.Logger/SendLog";
const READY_POLL_MS = 50;
/** Statuses with which a gateway permanently rejects a record. After any other failure it may or may not be stored. */
const REFUSALS = new Set([
  "INVALID_ARGUMENT",
  "UNIMPLEMENTED",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "FAILED_PRECONDITION",
  "NOT_FOUND",
  "OUT_OF_RANGE",
]);

/** @typedef {import("./connection.js").Failure} Failure */

export class SendLogSender {
  #outbox;
  #connection;
  #settings;
  #announcer;
  #pause = new Pause();
  #inFlight = 0;
  #failures = 0;
  #isWaiting = false;
  #endAt = Number.POSITIVE_INFINITY;

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
    return encodeRequest(record, this.#settings.node);
  }

  /** Call it when the outbox has a new record or an answer has arrived. */
  wake() {
    // After a failure, one call at a time tests whether the gateway works again. The other records stay safe in the outbox.
    const maxInFlight = this.#failures > 0 ? 1 : this.#settings.callsInFlight;
    while (!this.#isWaiting && this.#outbox.size > 0 && this.#inFlight < maxInFlight) {
      if (this.#endAt <= Date.now()) {
        this.#dropWaiting();
        return;
      }
      const state = this.#connection.state();
      if (state === "ready") {
        this.#call();
        continue;
      }
      if (state === "failed") {
        this.#announcer.unreachable({ status: "UNAVAILABLE", message: "no connection", retryAfterMs: undefined });
      }
      this.#wait(READY_POLL_MS);
    }
  }

  /** Sends the waiting records. This sender never delays them. */
  flush() {
    this.wake();
  }

  /** No call begins or lasts after this moment (of Date.now()). Records that are left then are dropped.
   * @param {number} moment
   */
  endAt(moment) {
    this.#endAt = moment;
    this.#pause.end();
    this.wake();
  }

  async #call() {
    const taken = this.#outbox.take(1, 0);
    const timeoutMs = Math.min(this.#settings.callTimeoutMs, this.#endAt - Date.now());
    this.#inFlight += 1;
    // Waits for the connection: one that was lost just now may be back within the timeout of the call.
    const answer = await this.#connection.call(PATH, taken.records[0], { timeoutMs, waitForReady: true });
    this.#inFlight -= 1;
    if (Buffer.isBuffer(answer)) {
      this.#failures = 0;
      this.#announcer.reached();
      const isStored = LogResponse.deserialize(answer).success;
      if (!isStored) {
        this.#announcer.rejected(1, {
          status: "OK",
          message: "the gateway returned success: false",
          retryAfterMs: undefined,
        });
      }
      this.#outbox.settle(taken, isStored ? "delivered" : "rejected");
    } else if (REFUSALS.has(answer.status)) {
      this.#announcer.rejected(1, answer);
      this.#outbox.settle(taken, "rejected");
    } else {
      this.#fail(answer);
      this.#outbox.settle(taken, "unconfirmed");
    }
    this.wake();
  }

  /** @param {Failure} failure */
  #fail(failure) {
    this.#failures += 1;
    this.#announcer.unconfirmed(1, failure);
    if (failure.status === "DEADLINE_EXCEEDED" && this.#inFlight === 0) {
      // The connection may be dead, which TCP notices only after minutes.
      this.#connection.close();
    }
    if (!this.#isWaiting) {
      this.#wait(backoffMs(this.#settings, this.#failures, failure.retryAfterMs));
    }
  }

  /** @param {number} ms */
  async #wait(ms) {
    this.#isWaiting = true;
    await this.#pause.wait(Math.min(ms, Math.max(1, this.#endAt - Date.now())));
    this.#isWaiting = false;
    this.wake();
  }

  #dropWaiting() {
    const taken = this.#outbox.take(this.#outbox.size, Number.POSITIVE_INFINITY);
    this.#announcer.dropped(taken.records.length, "undelivered");
    this.#outbox.settle(taken, "dropped");
  }
}
