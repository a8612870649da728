/** @file The winston transport. It must not throw into the application, block it or emit `error`. */
import TransportStream from "winston-transport";
import { Announcer } from "./announcer.js";
import { Connection } from "./connection.js";
import { RECORDS_BYTES } from "./encoding.js";
import { Outbox } from "./outbox.js";
import { PushSender } from "./push-sender.js";
import { recordOf } from "./record.js";
import { SendLogSender } from "./send-log-sender.js";
import { settingsOf } from "./settings.js";

/**
 * Sends the records of a logger to a logstream gateway. `logger.end()` delivers the buffered records before the logger emits
 * `finish`. The natural end of the process delivers them, too; `process.exit()` and signals do not.
 *
 * Events: see Announcer.
 */
export class LogstreamTransport extends TransportStream {
  #settings;
  #announcer;
  #outbox;
  #connection;
  #sender;
  #unreportedDrops = 0;
  /** @type {Promise<boolean> | undefined} */
  #closing;

  /**
   * @param {import("./settings.js").LogstreamOptions} options
   * @throws {RangeError} that names every invalid option.
   */
  constructor(options) {
    super(options);
    this.#settings = settingsOf(options);
    this.#announcer = new Announcer(this, this.#settings.target);
    this.#outbox = new Outbox(this.#settings);
    this.#connection = new Connection(this.#settings);
    const Sender = this.#settings.protocol === "push" ? PushSender : SendLogSender;
    this.#sender = new Sender({
      outbox: this.#outbox,
      connection: this.#connection,
      settings: this.#settings,
      announcer: this.#announcer,
    });
    flushAtEndOfProcess.add(this);
  }

  /**
   * Called by winston: buffers the record and accepts the next one at once.
   *
   * @param {any} info
   * @param {() => void} next
   */
  log(info, next) {
    this.#logDrops();
    this.#add(this.#sender.encode(recordOf(info)));
    next();
  }

  /**
   * Waits until all records logged so far are answered.
   *
   * @param {number} [timeoutMs] default: closeTimeoutMs
   * @returns {Promise<boolean>} false if the timeout was over before.
   */
  flush(timeoutMs = this.#settings.closeTimeoutMs) {
    this.#sender.flush();
    return this.#outbox.whenEmpty(timeoutMs);
  }

  /**
   * Delivers the buffered records for at most closeTimeoutMs, then drops and announces the rest and closes the connection.
   * winston calls it when the transport is removed. Later records are dropped. Safe to call again.
   *
   * @returns {Promise<boolean>} whether nothing was left.
   */
  close() {
    this.#closing ??= this.#closeOnce();
    return this.#closing;
  }

  /** @returns {import("./outbox.js").Stats} */
  stats() {
    return this.#outbox.stats();
  }

  /**
   * Called by `logger.end()`; the stream waits for the callback.
   *
   * @param {() => void} callback
   */
  _final(callback) {
    this.close().then(() => callback());
  }

  async #closeOnce() {
    flushAtEndOfProcess.delete(this);
    const droppedBefore = this.stats().recordsDropped;
    this.#sender.endAt(Date.now() + this.#settings.closeTimeoutMs);
    const isEmpty = await this.#outbox.whenEmpty(this.#settings.closeTimeoutMs);
    // Calls that are still in progress end here, and so do the last records.
    this.#connection.close();
    if (!isEmpty) {
      this.#sender.endAt(0);
      await this.#outbox.whenEmpty(this.#settings.closeTimeoutMs);
    }
    this.#announcer.finish();
    return isEmpty && this.stats().recordsDropped === droppedBefore;
  }

  /** @param {Buffer} record */
  #add(record) {
    const reason = this.#reasonToDrop(record);
    if (reason === undefined) {
      this.#outbox.put(record);
      this.#sender.wake();
    } else {
      this.#outbox.countDropped();
      this.#unreportedDrops += 1;
      this.#announcer.dropped(1, reason);
    }
  }

  /** @param {Buffer} record */
  #reasonToDrop(record) {
    if (this.#closing !== undefined) {
      return "closed";
    }
    if (record.length > RECORDS_BYTES) {
      return "too_large";
    }
    return this.#outbox.isFull(record.length) ? "full" : undefined;
  }

  /** Adds a record to the log that says how many records are missing, so that readers notice the gap. */
  #logDrops() {
    const records = this.#unreportedDrops;
    if (records === 0 || this.#closing !== undefined || this.#outbox.isFull(0)) {
      return;
    }
    this.#unreportedDrops = 0;
    const message = `${records} records were dropped before they could be sent`;
    const attributes = { "logstream.records_dropped": String(records) };
    this.#outbox.put(this.#sender.encode({ time: new Date(), level: "warn", message, attributes }));
  }
}

/** @type {Set<LogstreamTransport>} */
const flushAtEndOfProcess = new Set();

process.on("beforeExit", () => {
  for (const transport of flushAtEndOfProcess) {
    // Only once: flushing keeps the process alive, and its end then calls this again.
    flushAtEndOfProcess.delete(transport);
    transport.flush();
  }
});
