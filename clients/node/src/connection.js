/** @file Makes unary gRPC calls with bytes. The only module that knows grpc-js; it turns its errors into failures. */
import { Client, connectivityState, credentials, Metadata, status } from "@grpc/grpc-js";
import { RetryInfo, Status } from "./protos.js";

/**
 * @typedef {object} Failure
 * @property {string} status Name of the gRPC status.
 * @property {string} message
 * @property {number | undefined} retryAfterMs The delay in google.rpc.RetryInfo.
 */

const LONGEST_RETRY_INFO_MS = 60_000;

const CHANNEL_OPTIONS = {
  // By default, grpc-js waits up to two minutes between connection attempts. A gateway that is back should be found sooner.
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 5_000,
  // Makes a new channel open a new connection: see close.
  "grpc.use_local_subchannel_pool": 1,
};

export class Connection {
  #settings;
  #metadata;
  /** @type {Client | undefined} */
  #client;
  /** @type {Set<import("@grpc/grpc-js").ClientUnaryCall>} */
  #calls = new Set();

  /** @param {import("./settings.js").Settings} settings */
  constructor(settings) {
    this.#settings = settings;
    this.#metadata = Metadata.fromHttp2Headers(settings.metadata);
  }

  /** Whether a call would be sent at once now (`ready`), and if not, whether connecting has failed. Starts to connect.
   * @returns {"ready" | "connecting" | "failed"}
   */
  state() {
    const state = this.#open().getChannel().getConnectivityState(true);
    if (state === connectivityState.TRANSIENT_FAILURE) {
      return "failed";
    }
    return state === connectivityState.READY ? "ready" : "connecting";
  }

  /** Makes one call, without retries.
   * @param {string} path
   * @param {Buffer} request
   * @param {object} options
   * @param {number} options.timeoutMs
   * @param {boolean} options.waitForReady Whether to wait for a connection within the timeout rather than fail without one.
   * @returns {Promise<Buffer | Failure>} the bytes of the answer, or why there is none.
   */
  call(path, request, { timeoutMs, waitForReady }) {
    const metadata = this.#metadata.clone();
    metadata.setOptions({ waitForReady });
    return new Promise((resolve) => {
      const deadline = Date.now() + timeoutMs;
      const call = this.#open().makeUnaryRequest(
        path,
        identity,
        identity,
        request,
        metadata,
        { deadline },
        (error, answer) => {
          this.#calls.delete(call);
          resolve(error ? failureOf(error) : /** @type {Buffer} */ (answer));
        },
      );
      this.#calls.add(call);
    });
  }

  /** Closes the connection. The next call opens another one. Calls in progress fail with CANCELLED. */
  close() {
    for (const call of this.#calls) {
      call.cancel();
    }
    this.#client?.close();
    this.#client = undefined;
  }

  #open() {
    this.#client ??= new Client(this.#settings.target, this.#settings.credentials ?? credentials.createInsecure(), {
      ...CHANNEL_OPTIONS,
      ...this.#settings.channelOptions,
    });
    return this.#client;
  }
}

/** @param {Buffer} bytes */
function identity(bytes) {
  return bytes;
}

/**
 * @param {import("@grpc/grpc-js").ServiceError} error
 * @returns {Failure}
 */
function failureOf(error) {
  return { status: status[error.code], message: error.details, retryAfterMs: retryAfterMs(error.metadata) };
}

/**
 * @param {Metadata | undefined} trailers
 * @returns {number | undefined}
 */
function retryAfterMs(trailers) {
  const [raw] = trailers?.get("grpc-status-details-bin") ?? [];
  try {
    const { details } = Status.deserialize(/** @type {Buffer} */ (raw));
    const detail = details.find((/** @type {any} */ any) => any.type_url.endsWith("/google.rpc.RetryInfo"));
    if (detail === undefined) {
      return undefined;
    }
    const { seconds = 0, nanos = 0 } = RetryInfo.deserialize(detail.value).retryDelay ?? {};
    return Math.min(LONGEST_RETRY_INFO_MS, Math.max(0, seconds * 1_000 + nanos / 1e6));
  } catch {
    return undefined;
  }
}
