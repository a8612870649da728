/** @file winston's infos to records. */
import assert from "node:assert/strict";
import { test } from "node:test";
import winston from "winston";
import Transport from "winston-transport";
import { recordOf } from "../src/record.js";

/** What a logger's calls become.
 * @param {(logger: winston.Logger) => void} log
 * @param {winston.Logform.Format} [format]
 */
function recordsOf(log, format) {
  /** @type {import("../src/record.js").LogRecord[]} */
  const records = [];
  const transport = new Transport({
    log(info, next) {
      records.push(recordOf(info));
      next();
    },
  });
  log(winston.createLogger({ level: "silly", transports: [transport], format }));
  return records;
}

test("level, message and attributes", () => {
  const [record] = recordsOf((logger) =>
    logger.child({ request: "r1" }).warn("low stock", { item: { sku: 7 }, none: null }),
  );
  assert.equal(record.level, "warn");
  assert.equal(record.message, "low stock");
  assert.deepEqual(record.attributes, { request: "r1", item: '{"sku":7}', none: "null" });
  assert.ok(Math.abs(record.time.getTime() - Date.now()) < 60_000);
});

test("a coloured level is sent plain", () => {
  const [record] = recordsOf((logger) => logger.error("x"), winston.format.colorize());
  assert.equal(record.level, "error");
});

for (const [name, log] of /** @type {[string, (logger: winston.Logger) => void][]} */ ([
  ["logged itself", (logger) => logger.error(new TypeError("boom"))],
  ["after a message", (logger) => logger.error("failed", new TypeError("boom"))],
  ["under a key", (logger) => logger.error("failed", { error: new TypeError("boom") })],
])) {
  test(`an error ${name} follows OpenTelemetry`, () => {
    const [{ attributes, message }] = recordsOf(log);
    assert.deepEqual(Object.keys(attributes), ["exception.type", "exception.message", "exception.stacktrace"]);
    assert.equal(attributes["exception.type"], "TypeError");
    assert.equal(attributes["exception.message"], "boom");
    assert.match(attributes["exception.stacktrace"], /^TypeError: boom\n {4}at /);
    assert.match(message, /boom|failed/);
  });
}

test("a stack without its error, as format.errors leaves it, tells the type", () => {
  const { attributes } = recordOf({ level: "error", message: "boom", stack: "RangeError: boom\n    at x" });
  assert.equal(attributes["exception.type"], "RangeError");
  assert.equal(attributes["exception.message"], "boom");
});

test("a timestamp that names its zone is the record's time; any other is not trusted", () => {
  const timeOf = (/** @type {unknown} */ timestamp) => recordOf({ level: "info", message: "", timestamp }).time;
  const instant = Date.UTC(2024, 7, 6, 18, 51, 32, 513);
  for (const timestamp of ["2024-08-06T18:51:32.513Z", "2024-08-06T20:51:32.513+02:00", new Date(instant), instant]) {
    assert.equal(timeOf(timestamp).getTime(), instant);
  }
  for (const timestamp of [
    "2024-08-06 18:51:32:513",
    "2024-08-06T18:51:32",
    "yesterday",
    new Date(Number.NaN),
    -1,
    1e300,
    {},
  ]) {
    assert.ok(Math.abs(timeOf(timestamp).getTime() - Date.now()) < 60_000, String(timestamp));
  }
});

test("nothing an application may log throws", () => {
  /** @type {any} */
  const cycle = {};
  cycle.self = cycle;
  const infos = [
    { level: "info", message: undefined },
    { level: undefined, message: Symbol("x") },
    { level: "info", message: cycle, big: 1n, call() {}, none: undefined },
    { level: "info", message: 12 },
  ];
  const records = infos.map(recordOf);
  assert.equal(records[2].attributes.big, "1n");
  assert.match(records[2].attributes.call, /Function: call/);
  assert.match(records[2].message, /Circular/);
  assert.deepEqual(Object.keys(records[2].attributes), ["big", "call"]);
  assert.equal(records[3].message, "12");
});
