/**
 * @file Turns records into bytes: into a SendLog request each, or into parts of a batch. It must not reject a record because
 * of its text.
 *
 * A record for Push is encoded once, when it is logged, as a batch that holds nothing else. Joining such bytes makes a
 * larger batch: concatenated protobuf messages are one merged message. So the sizes that are counted in between are exact on
 * the wire.
 */
import { randomFillSync } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { LogBatch, LogRequest } from "./protos.js";

/** @typedef {import("./record.js").LogRecord} LogRecord */

export const BATCH_RECORDS = 5_000;
/** The gateway's 4 MiB, less room for the id and the node (16 and at most 255 bytes, with their tags and lengths). */
export const RECORDS_BYTES = 4 * 1024 * 1024 - 512;
const NODE_BYTES = 255;
const MESSAGE_BYTES = 64 * 1024;
const RECORD_ATTRIBUTES = 64;

/**
 * @param {unknown} node
 * @returns {string[]} the problems: none or one.
 */
export function checkNode(node) {
  const bytes = typeof node === "string" ? Buffer.byteLength(node) : 0;
  return bytes >= 1 && bytes <= NODE_BYTES
    ? []
    : [`node: ${bytes} bytes, expected 1 to ${NODE_BYTES}: the name of the service that logs`];
}

/**
 * A UUIDv7 as 16 bytes: 48 bits of Unix milliseconds, then random bits around version and variant. Ids that are made within
 * a millisecond are in no order. Source: RFC 9562, section 5.7.
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
 * A SendLog request. It has no attributes, so attributes and stack are appended to the message as text.
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
 * One record's part of a batch. A message is cut after 64 KiB, as logstream does, and the attribute `sender.message_bytes`
 * keeps its length. If there are more than 64 attributes, the first are kept, and `sender.attributes_dropped` holds the
 * number of the others. Lone surrogates become U+FFFD.
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
    // A StringDecoder leaves out a character that the cut splits.
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
 * The bytes of a batch with a new id. A retry must send the same bytes.
 *
 * @param {string} node
 * @param {Buffer[]} records
 * @returns {Buffer}
 */
export function encodeBatch(node, records) {
  return Buffer.concat([LogBatch.serialize({ batchId: newBatchId(), node }), ...records]);
}
