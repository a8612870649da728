/**
 * @file Turns records into bytes: a SendLog request each, or parts of a batch. It must not refuse a record for its text.
 *
 * A record for Push is encoded once, when it is logged, as a batch that holds nothing else. Batches are made by joining such
 * bytes: joined protobuf messages are one merged message, so the sizes counted on the way are the exact sizes on the wire.
 */
import { randomFillSync } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { LogBatch, LogRequest } from "./protos.js";

/** @typedef {import("./record.js").LogRecord} LogRecord */

export const BATCH_RECORDS = 5_000;
/** Room for the id and the node (16 and at most 255 bytes, with tags and lengths) below the gateway's 4 MiB. */
export const RECORDS_BYTES = 4 * 1024 * 1024 - 512;
const NODE_BYTES = 255;
const MESSAGE_BYTES = 64 * 1024;
const RECORD_ATTRIBUTES = 64;

/**
 * @param {unknown} node
 * @returns {string[]} what is wrong with it: nothing, or one text.
 */
export function checkNode(node) {
  const bytes = typeof node === "string" ? Buffer.byteLength(node) : 0;
  return bytes >= 1 && bytes <= NODE_BYTES
    ? []
    : [`node: ${bytes} bytes, expected 1 to ${NODE_BYTES}: the name of the service that logs`];
}

/**
 * A UUIDv7 as 16 bytes: 48 bits of Unix milliseconds, then random bits around version and variant. Ids of one millisecond
 * are in no order. Source: RFC 9562, section 5.7.
 *
 * @returns {Buffer}
 */
export function newBatchId() {
  const id = randomFillSync(Buffer.alloc(16));
  id.writeUIntBE(Date.now(), 0, 6);
  id[6] = 0x70 | (id[6] & 0x0f);
  id[8] = 0x80 | (id[8] & 0x3f);
  return id;
}

/**
 * A SendLog request. It has no attributes, so the stack and the attributes follow the message as text.
 *
 * @param {LogRecord} record
 * @param {string} node
 * @returns {Buffer}
 */
export function encodeRequest(record, node) {
  const { "exception.stacktrace": stack, ...others } = record.attributes;
  const rest = Object.fromEntries(Object.entries(others).filter(([name]) => !name.startsWith("exception.")));
  let message = record.message;
  if (Object.keys(rest).length > 0) {
    message += ` ${JSON.stringify(rest)}`;
  }
  if (stack !== undefined) {
    message += `\n${stack}`;
  }
  return LogRequest.serialize({
    node,
    timestamp: record.time.toISOString(),
    level: record.level.toWellFormed(),
    message: message.toWellFormed(),
  });
}

/**
 * One record's part of a batch. A message past 64 KiB is cut as logstream would, its length kept in the attribute
 * `sender.message_bytes`; of more than 64 attributes the first stay, the number of the others in
 * `sender.attributes_dropped`. Lone surrogates become U+FFFD.
 *
 * @param {LogRecord} record
 * @returns {Buffer}
 */
export function encodeRecord(record) {
  /** @type {Record<string, string>} */
  const added = {};
  let message = record.message.toWellFormed();
  const bytes = Buffer.byteLength(message);
  if (bytes > MESSAGE_BYTES) {
    // A StringDecoder leaves out the character that the cut goes through.
    message = new StringDecoder("utf8").write(Buffer.from(message).subarray(0, MESSAGE_BYTES));
    added["sender.message_bytes"] = String(bytes);
  }
  let attributes = Object.entries(record.attributes).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]);
  if (attributes.length + Object.keys(added).length > RECORD_ATTRIBUTES) {
    const room = RECORD_ATTRIBUTES - Object.keys(added).length - 1;
    added["sender.attributes_dropped"] = String(attributes.length - room);
    attributes = attributes.slice(0, room);
  }
  return LogBatch.serialize({
    records: [
      {
        timeUnixNano: `${record.time.getTime()}000000`,
        level: record.level.toWellFormed(),
        message,
        attributes: { ...Object.fromEntries(attributes), ...added },
      },
    ],
  });
}

/**
 * The bytes of a batch under a new id. They are what a retry must send again.
 *
 * @param {string} node
 * @param {Buffer[]} records
 * @returns {Buffer}
 */
export function encodeBatch(node, records) {
  return Buffer.concat([LogBatch.serialize({ batchId: newBatchId(), node }), ...records]);
}
