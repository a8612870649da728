/** @file The options of the transport and their bounds. */
import { BATCH_RECORDS, checkNode, RECORDS_BYTES } from "./encoding.js";

/**
 * @typedef {object} OwnOptions
 * @property {string} target Address of the gateway, such as `127.0.0.1:4317`.
 * @property {string} node Name of the service that logs, 1 to 255 bytes.
 * @property {"sendlog" | "push"} [protocol] `sendlog` (the default): a unary call for each record, which is
 *   stored at most once. `push`: batches that are resent until they are answered, and stored exactly once.
 * @property {import("@grpc/grpc-js").ChannelCredentials} [credentials] Without them: no TLS.
 * @property {import("@grpc/grpc-js").ChannelOptions} [channelOptions] Options of grpc-js.
 * @property {Record<string, string>} [metadata] gRPC metadata of every call, such as a token.
 * @property {number} [bufferRecords] Limit of the records that wait or are being sent; further records are dropped. 50,000.
 * @property {number} [bufferBytes] The same limit in bytes. 64 MiB.
 * @property {number} [callsInFlight] sendlog: limit of unanswered calls. 100.
 * @property {number} [flushRecords] push: a batch is sent when it has this number of records, 5,000 at most. 1,000.
 * @property {number} [flushBytes] push: or this number of bytes. 1 MiB.
 * @property {number} [flushAgeMs] push: or when its oldest record has this age. 200.
 * @property {number} [callTimeoutMs] Time limit of a call. 10,000.
 * @property {number} [backoffFirstMs] Upper bound of the first wait after a failure; it doubles with each failure. 100.
 * @property {number} [backoffMostMs] Upper bound of the longest wait. 5,000.
 * @property {number} [closeTimeoutMs] How long the end of the logger waits for the buffered records. 5,000.
 */

/** @typedef {OwnOptions & import("winston-transport").TransportStreamOptions} LogstreamOptions */
/** @typedef {Required<Omit<OwnOptions, "credentials">> & Pick<OwnOptions, "credentials">} Settings */

const DEFAULTS = Object.freeze({
  protocol: /** @type {const} */ ("sendlog"),
  channelOptions: {},
  metadata: {},
  bufferRecords: 50_000,
  bufferBytes: 64 * 1024 * 1024,
  callsInFlight: 100,
  flushRecords: 1_000,
  flushBytes: 1024 * 1024,
  flushAgeMs: 200,
  callTimeoutMs: 10_000,
  backoffFirstMs: 100,
  backoffMostMs: 5_000,
  closeTimeoutMs: 5_000,
});

const HOUR_MS = 3_600_000;

/** @type {[keyof typeof DEFAULTS, number, number][]} */
const BOUNDS = [
  ["bufferRecords", 1, 2 ** 31],
  ["bufferBytes", 1, 2 ** 40],
  ["callsInFlight", 1, 10_000],
  ["flushRecords", 1, BATCH_RECORDS],
  ["flushBytes", 1, RECORDS_BYTES],
  ["flushAgeMs", 0, HOUR_MS],
  ["callTimeoutMs", 1, HOUR_MS],
  ["backoffFirstMs", 1, HOUR_MS],
  ["backoffMostMs", 1, HOUR_MS],
  ["closeTimeoutMs", 0, HOUR_MS],
];

/**
 * Fills in defaults.
 *
 * @param {OwnOptions} options
 * @returns {Settings}
 * @throws {RangeError} that names every invalid value.
 */
export function settingsOf(options) {
  const settings = {
    ...DEFAULTS,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  };
  const problems = BOUNDS.filter(([name, lowest, highest]) => {
    const value = settings[name];
    return !(typeof value === "number" && lowest <= value && value <= highest);
  }).map(([name, lowest, highest]) => `${name}: ${settings[name]}, expected ${lowest} to ${highest}`);
  if (!["sendlog", "push"].includes(settings.protocol)) {
    problems.push(`protocol: ${settings.protocol}, expected sendlog or push`);
  }
  if (typeof options.target !== "string" || options.target === "") {
    problems.push(`target: ${options.target}, expected host:port`);
  }
  problems.push(...checkNode(options.node));
  if (problems.length > 0) {
    throw new RangeError(problems.join("; "));
  }
  return /** @type {Settings} */ (settings);
}
