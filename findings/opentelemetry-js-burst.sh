#!/usr/bin/env bash
# @opentelemetry/sdk-logs 3.1.1 with @opentelemetry/exporter-logs-otlp-http 0.301.0 on Node (0.223.1 of both is the same).
# One would have guessed: the queue of a BatchLogRecordProcessor (2,048 records) overflows when the server is slower than the
# service, and the SDK says so, as Python's does.
# What happens: of 10,000 records logged in one go, for instance while a large request is handled, 2,560 are sent and the
# others are gone, however fast the server is: nothing leaves the process before the loop ends, so 512 are on their way, 2,048
# are queued, and each record after that is dropped. Not a word of it, not even with diag at its most talkative level.
# Why it matters: a batch job or a start that logs much loses just that, and nobody sees it. maxQueueSize (or
# OTEL_BLRP_MAX_QUEUE_SIZE where the SDK is set up by the environment) larger than the largest burst avoids it, and so does
# letting the event loop turn (await) now and then.
# Seen 2026-11-30 on Node 20.20.2, and on 22.23.5 (3.1.1 asks for 22.15.0 or later).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" @opentelemetry/api@1.10.0 @opentelemetry/sdk-logs@3.1.1 \
  @opentelemetry/exporter-logs-otlp-http@0.301.0
cat >"$dir/burst.mjs" <<'JS'
import { createServer } from "node:http";
import { diag, DiagLogLevel } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";

const RECORDS = 10_000;

let received = 0;
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  for (const { scopeLogs } of JSON.parse(Buffer.concat(chunks)).resourceLogs) {
    for (const { logRecords } of scopeLogs) received += logRecords.length;
  }
  response.writeHead(200, { "content-type": "application/json" });
  response.end("{}");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
let dropsTold = 0;
const listen = (...words) => {
  dropsTold += /drop|full|discard/i.test(words.filter((word) => typeof word === "string").join(" ")) ? 1 : 0;
};
diag.setLogger({ error: listen, warn: listen, info: listen, debug: listen, verbose: listen }, DiagLogLevel.ALL);

async function receivedOf(options) {
  received = 0;
  const exporter = new OTLPLogExporter({ url: `http://127.0.0.1:${server.address().port}/v1/logs` });
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter, ...options })] });
  const logger = provider.getLogger("burst");
  for (let number = 0; number < RECORDS; number += 1) logger.emit({ body: `record ${number}` });
  await provider.shutdown();
  return received;
}

const byDefault = await receivedOf({});
const withRoom = await receivedOf({ maxQueueSize: RECORDS });
server.close();
console.log(`Node ${process.version}, ${RECORDS} records in one go, a shutdown that is waited for:`);
console.log(`by default ${byDefault} arrive; lines of the SDK that tell of a drop: ${dropsTold}`);
console.log(`with maxQueueSize ${RECORDS} ${withRoom} arrive`);
if (byDefault !== 2_560 || dropsTold !== 0 || withRoom !== RECORDS) {
  console.error("Changed: expected 2,560 by default without a word, and all of them with a large queue.");
  process.exit(1);
}
JS
cd "$dir"
node burst.mjs
