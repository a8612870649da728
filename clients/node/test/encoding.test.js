/** @file Records to bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkNode, encodeBatch, encodeRecord, encodeRequest, newBatchId, RECORDS_BYTES } from "../src/encoding.js";
import { LogBatch, LogRequest } from "../src/protos.js";

const time = new Date("2024-08-06T18:51:32.513Z");
const record = (/** @type {object} */ changes) => ({ time, level: "info", message: "m", attributes: {}, ...changes });
const decoded = (/** @type {any} */ made) => LogBatch.deserialize(encodeBatch("orders", [encodeRecord(made)])).records[0];

test("a batch id is a UUIDv7 of now", () => {
  const before = Date.now();
  const id = newBatchId();
  assert.equal(id.length, 16);
  assert.ok(id.readUIntBE(0, 6) >= before && id.readUIntBE(0, 6) <= Date.now());
  assert.equal(id[6] >> 4, 7);
  assert.equal(id[8] >> 6, 0b10);
  assert.equal(new Set(Array.from({ length: 1000 }, () => newBatchId().toString("hex"))).size, 1000);
});

test("a batch holds its records in order under a new id", () => {
  const records = [0, 1, 2].map((index) =>
    encodeRecord(record({ message: `m${index}`, attributes: { index: String(index) } })),
  );
  const [first, second] = [1, 2].map(() => LogBatch.deserialize(encodeBatch("orders", records)));
  assert.equal(first.node, "orders");
  assert.notDeepEqual(first.batchId, second.batchId);
  assert.deepEqual(
    first.records.map((/** @type {any} */ { message, attributes }) => [message, attributes.index]),
    [
      ["m0", "0"],
      ["m1", "1"],
      ["m2", "2"],
    ],
  );
  assert.equal(first.records[0].timeUnixNano, 1722970292513000000);
});

test("a full batch stays below the gateway's 4 MiB", () => {
  assert.ok(encodeBatch("n".repeat(255), [Buffer.alloc(RECORDS_BYTES)]).length < 4 * 1024 * 1024);
});

test("a long message is cut at a character and its length is kept", () => {
  const { message, attributes } = decoded(record({ message: `x${"ä".repeat(40_000)}` }));
  assert.equal(message, `x${"ä".repeat(32_767)}`);
  assert.equal(attributes["sender.message_bytes"], "80001");
});

test("of too many attributes the first stay and the rest is counted", () => {
  const many = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`a${index}`, "v"]));
  const { attributes } = decoded(record({ attributes: many }));
  assert.equal(Object.keys(attributes).length, 64);
  assert.equal(attributes["sender.attributes_dropped"], "7");
  assert.equal(attributes.a62, "v");
  assert.equal(attributes.a63, undefined);
});

test("lone surrogates become U+FFFD", () => {
  const bytes = encodeRecord(record({ message: "a\ud800b", attributes: { "k\udc00": "\ud800" } }));
  new TextDecoder("utf8", { fatal: true }).decode(bytes.subarray(bytes.indexOf("a")));
  assert.equal(decoded(record({ message: "a\ud800b" })).message, "a\ufffdb");
});

test("a SendLog request carries attributes and stack after the message", () => {
  const attributes = { order: "7", "exception.type": "TypeError", "exception.stacktrace": "TypeError: x\n    at y" };
  assert.deepEqual(LogRequest.deserialize(encodeRequest(record({ message: "failed", attributes }), "orders")), {
    node: "orders",
    timestamp: "2024-08-06T18:51:32.513Z",
    level: "info",
    message: 'failed {"order":"7"}\nTypeError: x\n    at y',
  });
});

test("a node out of bounds is named", () => {
  for (const node of ["", "n".repeat(256), "ä".repeat(128)]) {
    assert.match(checkNode(node).join(), new RegExp(`node: ${Buffer.byteLength(node)} bytes, expected 1 to 255`));
  }
  assert.deepEqual(checkNode("orders"), []);
});
