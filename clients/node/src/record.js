/** @file Turns winston's info objects into records. It must not throw for anything an application may log. */
import { inspect } from "node:util";
import { LEVEL, SPLAT } from "triple-beam";

/**
 * @typedef {object} LogRecord
 * @property {Date} time
 * @property {string} level
 * @property {string} message
 * @property {Record<string, string>} attributes
 */

const OWN_KEYS = new Set(["level", "message", "timestamp", "stack"]);
/** An ISO 8601 time that names its zone; without one it could be any instant of a day. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/;

/**
 * The time is the info's `timestamp` if that is a Date, milliseconds or an ISO 8601 text with a zone, else now. Other keys
 * become attributes; the first error among the arguments becomes `exception.type`, `exception.message` and
 * `exception.stacktrace`, OpenTelemetry's names.
 *
 * @param {any} info
 * @returns {LogRecord}
 */
export function recordOf(info) {
  const error = errorOf(info);
  /** @type {Record<string, string>} */
  const attributes = {};
  for (const [key, value] of Object.entries(info)) {
    if (!OWN_KEYS.has(key) && value !== error && value !== undefined) {
      attributes[key] = text(value);
    }
  }
  const stack = text(error?.stack ?? info.stack ?? "");
  if (error !== undefined || stack !== "") {
    attributes["exception.type"] = text(error?.name ?? /^[\w$.]+/.exec(stack)?.[0] ?? "Error");
    attributes["exception.message"] = text(error?.message ?? info.message);
    attributes["exception.stacktrace"] = stack;
  }
  return { time: timeOf(info.timestamp), level: text(info[LEVEL] ?? info.level), message: text(info.message), attributes };
}

/**
 * @param {any} info
 * @returns {Error | undefined}
 */
function errorOf(info) {
  const splat = Array.isArray(info[SPLAT]) ? info[SPLAT] : [];
  return [info, info.message, ...splat, ...Object.values(info)].find((value) => value instanceof Error);
}

/**
 * @param {unknown} timestamp
 * @returns {Date}
 */
function timeOf(timestamp) {
  if (
    timestamp instanceof Date ||
    typeof timestamp === "number" ||
    (typeof timestamp === "string" && INSTANT.test(timestamp))
  ) {
    const time = new Date(timestamp);
    // What a gateway can't read, or a fixed64 of nanoseconds can't hold, is no use as a time.
    if (time.getTime() > 0 && time.getTime() < 2 ** 63 / 1e6) {
      return time;
    }
  }
  return new Date();
}

/**
 * Text as it is, an error's stack, JSON for what JSON knows, Node's own notation for the rest (cycles, functions, bigints).
 *
 * @param {unknown} value
 * @returns {string}
 */
function text(value) {
  if (typeof value === "string") {
    return value;
  }
  if (value instanceof Error) {
    return value.stack ?? String(value);
  }
  try {
    return JSON.stringify(value) ?? inspect(value);
  } catch {
    return inspect(value);
  }
}
