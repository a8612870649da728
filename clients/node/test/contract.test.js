/** @file What must hold for every gateway, the fake one and the one named by LOGSTREAM_TEST_GATEWAY alike. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import winston from "winston";
import { Connection } from "../src/connection.js";
import { encodeBatch, encodeRecord } from "../src/encoding.js";
import { LogstreamTransport } from "../src/index.js";
import { settingsOf } from "../src/settings.js";
import { FakeGateway } from "./fake-gateway.js";

const real = process.env.LOGSTREAM_TEST_GATEWAY;
/** @type {FakeGateway} */
let fake;
let target = "";
before(async () => {
  fake = await FakeGateway.make();
  target = real ?? fake.target;
});
after(() => fake.stop());

const newNode = () => `client-contract-${randomUUID()}`;

for (const protocol of /** @type {const} */ (["sendlog", "push"])) {
  test(`${protocol}: records of every kind are accepted`, async () => {
    const transport = new LogstreamTransport({ target, node: newNode(), protocol });
    const logger = winston.createLogger({ level: "silly", transports: [transport] });
    for (const level of Object.keys(winston.config.npm.levels)) {
      logger.log(level, `a record of level ${level}`, { level_sent: level });
    }
    logger.error("failed", new TypeError("boom"));
    logger.info("x".repeat(200_000), Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`a${index}`, "\0"])));
    logger.info("lone \ud800 surrogate");
    assert.ok(await transport.flush(30_000));
    assert.equal(transport.stats().recordsDelivered, 10);
    assert.ok(await transport.close());
  });
}

test("push: the largest batches are accepted", async () => {
  const transport = new LogstreamTransport({
    target,
    node: newNode(),
    protocol: "push",
    flushRecords: 5_000,
    flushBytes: 4_000_000,
  });
  const logger = winston.createLogger({ transports: [transport] });
  for (let index = 0; index < 12_000; index += 1) {
    logger.info(`record ${index} ${"x".repeat(900)}`);
  }
  assert.ok(await transport.flush(60_000));
  assert.equal(transport.stats().recordsDelivered, 12_000);
  assert.ok(await transport.close());
});

test("push: a batch sent again is accepted again", async () => {
  const node = newNode();
  const connection = new Connection(settingsOf({ target, node }));
  const record = { time: new Date(), level: "info", message: "sent twice", attributes: {} };
  const batch = encodeBatch(node, [encodeRecord(record)]);
  for (const _ of [1, 2]) {
    const answer = await connection.call("/logstream.v1.LogIngest/Push", batch, { timeoutMs: 30_000, waitForReady: true });
    assert.ok(Buffer.isBuffer(answer), JSON.stringify(answer));
  }
  connection.close();
});

test("a gateway that refuses names field and limit", {
  skip: real === undefined && "needs LOGSTREAM_TEST_GATEWAY",
}, async () => {
  const connection = new Connection(settingsOf({ target, node: "unused" }));
  const record = encodeRecord({ time: new Date(), level: "info", message: "refused", attributes: {} });
  for (const [batch, expected] of /** @type {[Buffer, RegExp][]} */ ([
    [encodeBatch("n".repeat(256), [record]), /node.*256.*255/],
    [encodeBatch(newNode(), Array(5_001).fill(record)), /records.*5001.*5000/],
    [encodeBatch(newNode(), []), /records.*0/],
  ])) {
    const answer = await connection.call("/logstream.v1.LogIngest/Push", batch, { timeoutMs: 30_000, waitForReady: true });
    assert.ok(!Buffer.isBuffer(answer));
    assert.equal(answer.status, "INVALID_ARGUMENT");
    assert.match(answer.message, expected);
  }
  connection.close();
});
