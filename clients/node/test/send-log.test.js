/** @file The seed's protocol: one call a record, never repeated once it may have arrived. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import winston from "winston";
import { LogstreamTransport } from "../src/index.js";
import { FakeGateway, until } from "./fake-gateway.js";

/** @type {FakeGateway} */
let gateway;
/** @type {LogstreamTransport[]} */
let transports;
beforeEach(async () => {
  gateway = await FakeGateway.make();
  transports = [];
});
afterEach(async () => {
  gateway.stop();
  await Promise.all(transports.map((transport) => transport.close()));
});

/** A transport and its logger; `events` collects the emitted events.
 * @param {Partial<import("../src/settings.js").LogstreamOptions>} [options]
 */
function make(options) {
  const transport = new LogstreamTransport({ target: gateway.target, node: "orders", closeTimeoutMs: 300, ...options });
  transports.push(transport);
  /** @type {any[]} */
  const events = [];
  for (const event of ["dropped", "rejected", "unconfirmed", "unreachable"]) {
    transport.on(event, (details) => events.push({ event, ...details }));
  }
  return { transport, events, logger: winston.createLogger({ level: "silly", transports: [transport] }) };
}

test("each record is one call in the seed's shape", async () => {
  const { transport, logger } = make();
  logger.warn("low stock");
  logger.info("sold");
  assert.ok(await transport.flush(30_000));
  assert.deepEqual(
    gateway.accepted.map(({ node, level, message }) => [node, level, message]),
    [
      ["orders", "warn", "low stock"],
      ["orders", "info", "sold"],
    ],
  );
  assert.match(gateway.accepted[0].timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(transport.stats().recordsDelivered, 2);
});

for (const status of ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED"]) {
  test(`a call that ended with ${status} is not repeated but counted and reported`, async () => {
    gateway.refusals.push({ status, message: "who knows" });
    const { transport, logger, events } = make({ backoffFirstMs: 1 });
    logger.info("perhaps stored");
    assert.ok(await transport.flush(30_000));
    logger.info("taken");
    assert.ok(await transport.flush(30_000));
    assert.deepEqual(gateway.messages, ["taken"]);
    assert.equal(gateway.attempts.length, 2);
    assert.deepEqual(events, [{ event: "unconfirmed", records: 1, status, message: "who knows" }]);
    assert.equal(transport.stats().recordsUnconfirmed, 1);
  });
}

test("a call without an answer is not repeated", async () => {
  gateway.hold();
  const { transport, logger } = make({ callTimeoutMs: 100 });
  logger.info("perhaps stored");
  await until(() => transport.stats().recordsUnconfirmed === 1);
  gateway.release();
  logger.info("taken");
  assert.ok(await transport.flush(30_000));
  assert.deepEqual(gateway.messages.toSorted(), ["perhaps stored", "taken"]);
  assert.equal(gateway.attempts.length, 2);
});

test("after a failure the others wait until one call has shown that the gateway works again", async () => {
  gateway.refusals.push({ status: "UNAVAILABLE", message: "no broker" });
  const { transport, logger } = make({ backoffFirstMs: 1, callTimeoutMs: 60_000 });
  logger.info("lost");
  await until(() => transport.stats().recordsUnconfirmed === 1);
  gateway.hold();
  for (let index = 0; index < 50; index += 1) {
    logger.info(`message ${index}`);
  }
  await until(() => gateway.attempts.length >= 2);
  // Calls made at once would arrive at once.
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(gateway.attempts.length, 2);
  gateway.release();
  assert.ok(await transport.flush(30_000));
  assert.equal(transport.stats().recordsUnconfirmed, 1);
  assert.equal(transport.stats().recordsDelivered, 50);
});

test("a gateway's wish for a pause is granted", async () => {
  gateway.refusals.push({ status: "UNAVAILABLE", message: "no broker", retryAfterMs: 700 });
  const { transport, logger } = make({ backoffFirstMs: 1 });
  logger.info("lost");
  await until(() => transport.stats().recordsUnconfirmed === 1);
  const refusedAt = Date.now();
  logger.info("taken");
  assert.ok(await transport.flush(30_000));
  assert.ok(Date.now() - refusedAt > 600);
});

test("a refused record is counted as rejected", async () => {
  gateway.refusals.push({ status: "INVALID_ARGUMENT", message: "node: empty" });
  const { transport, logger, events } = make();
  logger.info("refused");
  assert.ok(await transport.flush(30_000));
  gateway.success = false;
  logger.info("not stored");
  assert.ok(await transport.flush(30_000));
  assert.equal(transport.stats().recordsRejected, 2);
  assert.deepEqual(
    events.map(({ event, status }) => [event, status]),
    [
      ["rejected", "INVALID_ARGUMENT"],
      ["rejected", "OK"],
    ],
  );
});

test("calls in flight are bounded", async () => {
  gateway.hold();
  const { transport, logger } = make({ callsInFlight: 3 });
  for (let index = 0; index < 20; index += 1) {
    logger.info(`message ${index}`);
  }
  await until(() => gateway.attempts.length === 3);
  gateway.release();
  assert.ok(await transport.flush(30_000));
  assert.equal(gateway.mostInFlight, 3);
  assert.equal(gateway.messages.length, 20);
});

test("records logged before the gateway is up are sent once it is, each once", async () => {
  gateway.stop();
  gateway = await FakeGateway.make({ listen: false });
  const { transport, logger, events } = make();
  for (let index = 0; index < 20; index += 1) {
    logger.info(`message ${index}`);
  }
  await until(() => events.length > 0);
  await gateway.start();
  assert.ok(await transport.flush(30_000));
  assert.deepEqual(gateway.messages.toSorted(), Array.from({ length: 20 }, (_, index) => `message ${index}`).toSorted());
  assert.deepEqual(
    events.map(({ event }) => event),
    ["unreachable"],
  );
});

test("a full buffer drops without waiting, counts and tells", async () => {
  gateway.hold();
  const { transport, logger, events } = make({ bufferRecords: 10 });
  for (let index = 0; index < 25; index += 1) {
    logger.info(`message ${index}`);
  }
  assert.equal(transport.stats().recordsDropped, 15);
  assert.deepEqual(events, [{ event: "dropped", records: 1, reason: "full" }]);
  gateway.release();
  assert.ok(await transport.flush(30_000));
  await transport.close();
  assert.deepEqual(events.slice(1), [{ event: "dropped", records: 14, reason: "full" }]);
});

test("closing without a gateway gives up in time and says what was lost", async () => {
  gateway.stop();
  const { transport, logger, events } = make();
  logger.info("lost");
  assert.equal(await transport.close(), false);
  assert.equal(transport.stats().recordsDropped, 1);
  assert.deepEqual(events.at(-1), { event: "dropped", records: 1, reason: "undelivered" });
});

test("closing ends a call under way and counts it as unconfirmed", async () => {
  gateway.hold();
  const { transport, logger } = make({ callTimeoutMs: 3_600_000 });
  logger.info("unanswered");
  await until(() => gateway.attempts.length > 0);
  assert.equal(await transport.close(), false);
  assert.equal(transport.stats().recordsUnconfirmed, 1);
  assert.equal(transport.stats().recordsBuffered, 0);
});
