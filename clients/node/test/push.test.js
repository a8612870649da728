/** @file The push protocol when the gateway rejects a batch, is unavailable, is slow or does not answer. */
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
  const transport = new LogstreamTransport({
    target: gateway.target,
    node: "orders",
    protocol: "push",
    closeTimeoutMs: 300,
    ...options,
  });
  transports.push(transport);
  /** @type {any[]} */
  const events = [];
  for (const event of ["dropped", "rejected", "unreachable"]) {
    transport.on(event, (details) => events.push({ event, ...details }));
  }
  return { transport, events, logger: winston.createLogger({ level: "silly", transports: [transport] }) };
}

for (const status of ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"]) {
  test(`a retry after ${status} sends the same bytes`, async () => {
    gateway.refusals.push({ status, message: "not now" }, { status, message: "not yet" });
    const { transport, logger } = make({ backoffFirstMs: 10 });
    logger.info("kept");
    assert.ok(await transport.flush(30_000));
    assert.equal(gateway.attempts.length, 3);
    assert.equal(new Set(gateway.attempts.map((raw) => raw.toString("hex"))).size, 1);
    assert.equal(transport.stats().recordsDelivered, 1);
  });
}

test("a retry waits as long as the gateway asks", async () => {
  gateway.refusals.push({ status: "UNAVAILABLE", message: "broker unavailable", retryAfterMs: 700 });
  const { transport, logger } = make({ backoffFirstMs: 1 });
  logger.info("kept");
  await until(() => gateway.attempts.length === 1);
  const refusedAt = Date.now();
  assert.ok(await transport.flush(30_000));
  assert.ok(Date.now() - refusedAt > 600);
});

test("a busy gateway gets the batch again, but not one that is too large", async () => {
  const busy = { status: "RESOURCE_EXHAUSTED", message: "Concurrent RPC limit exceeded!" };
  gateway.refusals.push(...Array.from({ length: 12 }, () => busy));
  const { transport, logger } = make({ backoffFirstMs: 1, backoffMostMs: 1 });
  logger.info("kept");
  assert.ok(await transport.flush(30_000));
  gateway.refusals.push({ status: "RESOURCE_EXHAUSTED", message: "Received message larger than max (9 vs 8)" });
  logger.info("refused");
  assert.ok(await transport.flush(30_000));
  assert.equal(transport.stats().recordsDelivered, 1);
  assert.equal(transport.stats().recordsRejected, 1);
});

test("an invalid batch is sent once, counted and reported", async () => {
  gateway.refusals.push({ status: "INVALID_ARGUMENT", message: "records: 0 in the batch" });
  const { transport, logger, events } = make();
  logger.info("refused");
  assert.ok(await transport.flush(30_000));
  logger.info("taken");
  assert.ok(await transport.flush(30_000));
  assert.equal(gateway.attempts.length, 2);
  assert.deepEqual(gateway.messages, ["taken"]);
  assert.deepEqual(events, [
    { event: "rejected", records: 1, status: "INVALID_ARGUMENT", message: "records: 0 in the batch" },
  ]);
  assert.equal(transport.stats().recordsRejected, 1);
});

test("a batch the gateway fails on does not hold up the rest for ever", async () => {
  gateway.refusals.push(...Array.from({ length: 10 }, () => ({ status: "UNKNOWN", message: "bug" })));
  const { transport, logger } = make({ backoffFirstMs: 1, backoffMostMs: 1 });
  logger.info("poison");
  assert.ok(await transport.flush(30_000));
  logger.info("good");
  assert.ok(await transport.flush(30_000));
  assert.deepEqual(gateway.messages, ["good"]);
  assert.equal(transport.stats().recordsRejected, 1);
});

test("records logged before the gateway is up are delivered", async () => {
  gateway.stop();
  gateway = await FakeGateway.make({ listen: false });
  const { transport, logger, events } = make();
  logger.info("early");
  await until(() => events.length > 0);
  await gateway.start();
  assert.ok(await transport.flush(30_000));
  assert.deepEqual(gateway.messages, ["early"]);
  assert.deepEqual(
    events.map(({ event, target, status }) => [event, target, status]),
    [["unreachable", gateway.target, "UNAVAILABLE"]],
  );
});

test("a call without an answer is repeated on a new connection", async () => {
  gateway.hold();
  const { transport, logger } = make({ callTimeoutMs: 200 });
  logger.info("kept");
  await until(() => gateway.attempts.length >= 2);
  gateway.release();
  assert.ok(await transport.flush(30_000));
  assert.equal(new Set(gateway.attempts.map((raw) => raw.toString("hex"))).size, 1);
  assert.ok(gateway.peers.size >= 2);
});

test("a full buffer drops without waiting, counts, tells the owner and the log's readers", async () => {
  gateway.hold();
  const { transport, logger, events } = make({ bufferRecords: 10 });
  for (let index = 0; index < 25; index += 1) {
    logger.info(`message ${index}`);
  }
  assert.equal(transport.stats().recordsDropped, 15);
  gateway.release();
  assert.ok(await transport.flush(30_000));
  logger.info("after");
  assert.ok(await transport.flush(30_000));
  await transport.close();
  assert.deepEqual(gateway.messages, [
    ...Array.from({ length: 10 }, (_, index) => `message ${index}`),
    "15 records were dropped before they could be sent",
    "after",
  ]);
  assert.ok(events.every(({ event, reason }) => event === "dropped" && reason === "full"));
  assert.equal(
    events.reduce((sum, { records }) => sum + records, 0),
    15,
  );
});

test("batches split at 5,000 records and below 4 MiB", async () => {
  gateway.hold();
  const { transport, logger } = make({ flushRecords: 1 });
  logger.info("first");
  for (let index = 0; index < 5_001; index += 1) {
    logger.info("small");
  }
  for (let index = 0; index < 80; index += 1) {
    logger.info("x".repeat(60_000));
  }
  gateway.release();
  assert.ok(await transport.flush(30_000));
  assert.deepEqual(
    gateway.accepted.map(({ records }) => records.length),
    [1, 5_000, 1 + 69, 11],
  );
  assert.ok(gateway.attempts.every((raw) => raw.length < 4 * 1024 * 1024));
});

test("few records wait for each other, but not long", async () => {
  const { logger } = make({ flushAgeMs: 100 });
  logger.info("a");
  logger.info("b");
  await until(() => gateway.accepted.length > 0);
  assert.deepEqual(gateway.messages, ["a", "b"]);
  assert.equal(gateway.attempts.length, 1);
});

test("closing delivers what is buffered; later records are dropped", async () => {
  const { transport, logger } = make({ flushAgeMs: 3_600_000 });
  logger.info("last words");
  assert.ok(await transport.close());
  assert.deepEqual(gateway.messages, ["last words"]);
  transport.log({ level: "info", message: "too late" }, () => {});
  assert.equal(transport.stats().recordsDropped, 1);
});

test("closing gives up in time and says what was lost", async () => {
  gateway.stop();
  const { transport, logger, events } = make();
  logger.info("lost");
  assert.equal(await transport.close(), false);
  assert.deepEqual(transport.stats(), {
    recordsBuffered: 0,
    recordsDelivered: 0,
    recordsRejected: 0,
    recordsUnconfirmed: 0,
    recordsDropped: 1,
  });
  assert.deepEqual(events.at(-1), { event: "dropped", records: 1, reason: "undelivered" });
});

test("closing ends a call under way", async () => {
  gateway.hold();
  const { transport, logger } = make({ callTimeoutMs: 3_600_000 });
  logger.info("unanswered");
  transport.flush();
  await until(() => gateway.attempts.length > 0);
  assert.equal(await transport.close(), false);
  assert.equal(transport.stats().recordsDropped, 1);
});

test("closing tries again although the next retry is far off", async () => {
  gateway.stop();
  gateway = await FakeGateway.make({ listen: false });
  const { transport, logger } = make({ backoffFirstMs: 3_600_000, backoffMostMs: 3_600_000, closeTimeoutMs: 10_000 });
  logger.info("late but there");
  assert.equal(await transport.flush(500), false);
  await gateway.start();
  assert.ok(await transport.close());
  assert.deepEqual(gateway.messages, ["late but there"]);
});
