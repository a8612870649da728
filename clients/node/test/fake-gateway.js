/**
 * @file A gateway in this process that answers as it is configured and remembers every attempt. It stores nothing and checks little:
 * whether the real gateway takes what the transport sends is for contract.test.js.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { LogBatch, LogRequest, LogResponse, RetryInfo, Status } from "../src/protos.js";

/** @typedef {{ status: string, message: string, retryAfterMs?: number }} Refusal */

const same = (/** @type {Buffer} */ bytes) => bytes;
const method = (/** @type {string} */ path) => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

export class FakeGateway {
  /** Given in turn, then everything is accepted.
   * @type {Refusal[]}
   */
  refusals = [];
  /** @type {Buffer[]} */
  attempts = [];
  /** @type {any[]} */
  accepted = [];
  /** What SendLog answers. */
  success = true;
  /** Connections that calls came by. */
  peers = new Set();
  target = "";
  mostInFlight = 0;
  #inFlight = 0;
  #port = 0;
  /** @type {Promise<void>} */
  #released = Promise.resolve();
  release = () => {};
  /** @type {Server | undefined} */
  #server;

  /** Finds a free port; with listen, listens there. */
  static async make({ listen = true } = {}) {
    const gateway = new FakeGateway();
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    gateway.#port = /** @type {import("node:net").AddressInfo} */ (probe.address()).port;
    gateway.target = `127.0.0.1:${gateway.#port}`;
    probe.close();
    await once(probe, "close");
    if (listen) {
      await gateway.start();
    }
    return gateway;
  }

  /** Begins to listen. */
  async start() {
    this.#server = new Server();
    this.#server.addService(
      { Push: method("/logstream.v1.LogIngest/Push"), SendLog: method("/LoggerService.Logger/SendLog") },
      {
        Push: this.#handler((raw) => {
          this.accepted.push(LogBatch.deserialize(raw));
          return Buffer.alloc(0);
        }),
        SendLog: this.#handler((raw) => {
          this.accepted.push(LogRequest.deserialize(raw));
          return LogResponse.serialize({ success: this.success });
        }),
      },
    );
    await new Promise((resolve, reject) =>
      this.#server?.bindAsync(this.target, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(0),
      ),
    );
  }

  /** Leaves calls unanswered until release is called. */
  hold() {
    this.#released = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  /** Closes the port and every connection. */
  stop() {
    this.release();
    this.#server?.forceShutdown();
  }

  /** Messages of the accepted records, in order. */
  get messages() {
    return this.accepted.flatMap((request) => request.records ?? [request]).map((record) => record.message);
  }

  /** @param {(raw: Buffer) => Buffer} accept */
  #handler(accept) {
    return async (/** @type {any} */ call, /** @type {any} */ callback) => {
      this.attempts.push(call.request);
      this.peers.add(call.getPeer());
      this.#inFlight += 1;
      this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight);
      const refusal = this.refusals.shift();
      await this.#released;
      this.#inFlight -= 1;
      if (refusal === undefined) {
        callback(null, accept(call.request));
      } else {
        callback(errorOf(refusal));
      }
    };
  }
}

/** @param {Refusal} refusal */
function errorOf(refusal) {
  const code = status[/** @type {keyof typeof status} */ (refusal.status)];
  const metadata = new Metadata();
  if (refusal.retryAfterMs !== undefined) {
    const retryDelay = { seconds: Math.floor(refusal.retryAfterMs / 1000), nanos: (refusal.retryAfterMs % 1000) * 1e6 };
    const detail = { type_url: "type.googleapis.com/google.rpc.RetryInfo", value: RetryInfo.serialize({ retryDelay }) };
    metadata.set("grpc-status-details-bin", Status.serialize({ code, message: refusal.message, details: [detail] }));
  }
  return { code, details: refusal.message, metadata };
}

/** Waits for a condition, generously.
 * @param {() => boolean} condition
 */
export async function until(condition) {
  const endAt = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > endAt) {
      throw new Error("waited 30 s in vain");
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
