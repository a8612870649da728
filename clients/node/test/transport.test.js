/** @file The transport as winston and the process see it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import winston from "winston";
import { LogstreamTransport } from "../src/index.js";
import { FakeGateway, until } from "./fake-gateway.js";

/** @type {FakeGateway} */
let gateway;
beforeEach(async () => {
  gateway = await FakeGateway.make();
});
afterEach(() => gateway.stop());

/** Runs a script in a Node of its own, which has a logger with the transport.
 * @param {string} script
 * @param {object} options
 */
async function run(script, options) {
  const source = `
    import winston from "winston";
    import { LogstreamTransport } from ${JSON.stringify(new URL("../src/index.js", import.meta.url))};
    const transport = new LogstreamTransport(${JSON.stringify({ target: gateway.target, node: "orders", ...options })});
    const logger = winston.createLogger({ transports: [transport] });
    ${script}`;
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    cwd,
    stdio: ["ignore", "inherit", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const [code] = await once(child, "close");
  return { code, errors };
}

for (const protocol of /** @type {const} */ (["sendlog", "push"])) {
  test(`${protocol}: the logger's end delivers what is buffered before it finishes`, async () => {
    const transport = new LogstreamTransport({ target: gateway.target, node: "orders", protocol, flushAgeMs: 3_600_000 });
    const logger = winston.createLogger({ transports: [transport] });
    logger.info("one");
    logger.info("two");
    logger.end();
    await once(logger, "finish");
    assert.deepEqual(gateway.messages, ["one", "two"]);
  });

  test(`${protocol}: removing the transport delivers what is buffered`, async () => {
    const transport = new LogstreamTransport({ target: gateway.target, node: "orders", protocol, flushAgeMs: 3_600_000 });
    const logger = winston.createLogger({ transports: [transport] });
    logger.info("one");
    logger.remove(transport);
    await until(() => gateway.messages.length === 1);
  });

  test(`${protocol}: the natural end of the process delivers what is buffered`, async () => {
    const { code, errors } = await run(`logger.info("last words");`, { protocol, flushAgeMs: 100 });
    assert.deepEqual({ code, errors }, { code: 0, errors: "" });
    assert.deepEqual(gateway.messages, ["last words"]);
  });

  test(`${protocol}: an absent gateway neither keeps the process alive nor goes unmentioned`, async () => {
    gateway.stop();
    const { code, errors } = await run(`logger.info("lost");`, { protocol, closeTimeoutMs: 200 });
    assert.equal(code, 0);
    assert.match(errors, /LogstreamWarning: unreachable: target 127\.0\.0\.1:\d+, status UNAVAILABLE/);
  });
}

test("the transport's own level and format are winston's business", async () => {
  const transport = new LogstreamTransport({
    target: gateway.target,
    node: "orders",
    level: "warn",
    format: winston.format((info) => ({ ...info, message: `<${info.message}>` }))(),
  });
  const logger = winston.createLogger({ level: "debug", transports: [transport] });
  logger.info("below");
  logger.error("above");
  assert.ok(await transport.flush(30_000));
  assert.deepEqual(gateway.messages, ["<above>"]);
  await transport.close();
});

test("every option that makes no sense is named", () => {
  const bad = /** @type {any} */ ({ target: "", node: "", protocol: "http", flushRecords: 5_001, bufferBytes: "1" });
  assert.throws(
    () => new LogstreamTransport(bad),
    /^RangeError: bufferBytes: 1, .*flushRecords: 5001, expected 1 to 5000.*protocol: http, .*target: , .*node: 0 bytes/,
  );
});
