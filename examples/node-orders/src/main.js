/** @file Runs the service until SIGTERM or SIGINT, then delivers the records that it has logged and ends. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { makeLogger } from "./logger.js";
import { handleOrder } from "./orders.js";

const gateway = process.env.LOGSTREAM_GATEWAY || "127.0.0.1:4317";
const logger = makeLogger("orders", gateway);
const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => stopping.abort());
}

console.log(`orders logs to ${gateway}`);
logger.info("orders started", { version: "0.1.0" });
while (!stopping.signal.aborted) {
  handleOrder(logger);
  // A few records a second, at irregular intervals.
  await sleep(100 + Math.random() * 500, undefined, { signal: stopping.signal }).catch(() => {});
}
logger.info("orders stopped");
logger.end();
await once(logger, "finish");
