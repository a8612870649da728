/** @file Turns the info objects of winston into records. It must not throw, whatever an application logs. */
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
/** An ISO 8601 time with a zone. Without a zone it does not denote an instant. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/;

/**
 * The time is the info's `timestamp` if that is a Date, a number of milliseconds or an ISO 8601 text with a zone; otherwise
 * it is the present time. Other keys become attributes. The first error among the arguments becomes `exception.type`,
 * `exception.message` and `exception.stacktrace`, which are OpenTelemetry's names.
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
    // A time that the gateway cannot read, or that a fixed64 of nanoseconds cannot hold, is of no use.
    if (time.getTime() > 0 && time.getTime() < 2 ** 63 / 1e6) {
      return time;
    }
  }
  return new Date();
}

/**
 * Text unchanged; an error's stack; JSON for values that JSON can represent; Node's own notation for all others (cycles,
 * functions, bigints).
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
