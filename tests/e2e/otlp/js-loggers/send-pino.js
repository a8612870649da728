// Logs with pino and its transport to OpenTelemetry, as a service would. Usage:
//   node send-pino.js --protocol grpc|http/protobuf|http/json [--records N] [--burst N] [--pause-ms N] [--step]
//                     [--trace] [--no-service-name] [--end shutdown|return|exit|sigterm|sigterm-handled]
// The environment has the rest (OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT). --step: waits for a line on standard input
// after each burst. Each record that pino wrote is a JSON object a line on standard output: message, level, severity,
// time_unix_nano, trace_id, span_id, attributes. --no-service-name: as the transport does when it is told nothing, whatever
// the environment says.
'use strict';

const { writeSync } = require('node:fs');
const { createInterface } = require('node:readline');
const { parseArgs } = require('node:util');
const pino = require('pino');

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
// What the transport makes of pino's levels.
const SEVERITIES = { 10: 1, 20: 5, 30: 9, 40: 13, 50: 17, 60: 21 };

const { values: options } = parseArgs({
  options: {
    protocol: { type: 'string' },
    records: { type: 'string', default: '10' },
    burst: { type: 'string', default: '100' },
    'pause-ms': { type: 'string', default: '0' },
    step: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    'no-service-name': { type: 'boolean', default: false },
    end: { type: 'string', default: 'shutdown' },
  },
});
const node = process.env.OTEL_SERVICE_NAME;
if (options['no-service-name']) delete process.env.OTEL_SERVICE_NAME;
process.env.OTEL_EXPORTER_OTLP_PROTOCOL = options.protocol;

function print(text) {
  const { time, level, msg, pid, hostname, trace_id, span_id, trace_flags, ...attributes } = JSON.parse(text);
  const line = {
    message: msg,
    level: pino.levels.labels[level],
    severity: SEVERITIES[level],
    time_unix_nano: String(BigInt(time) * 1_000_000n),
    trace_id: trace_id ?? null,
    span_id: span_id ?? null,
    attributes,
  };
  writeSync(1, `${JSON.stringify(line)}\n`);
  return text;
}

const hex = (number, digits) => number.toString(16).padStart(digits, '0');
let logged = 0;
const transport = pino.transport({ target: 'pino-opentelemetry-transport' });
const logger = pino(
  {
    level: 'trace',
    hooks: { streamWrite: print },
    // As @opentelemetry/instrumentation-pino adds them within a span.
    mixin: () =>
      options.trace
        ? { trace_id: hex(logged + 1, 32), span_id: hex(logged + 1, 16), trace_flags: '01' }
        : {},
  },
  transport,
);

async function betweenBursts() {
  const pauseMs = Number(options['pause-ms']);
  if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  if (options.step) {
    const lines = createInterface({ input: process.stdin });
    await new Promise((resolve) => lines.once('line', resolve));
    lines.close();
  }
}

async function main() {
  if (options.end === 'sigterm-handled') {
    process.once('SIGTERM', () => transport.end());
    transport.on('close', () => process.exit(0));
  }
  for (; logged < Number(options.records); logged += 1) {
    const level = LEVELS[logged % LEVELS.length];
    logger[level]({ n: String(logged) }, `${node} record ${String(logged).padStart(6, '0')}`);
    if ((logged + 1) % Number(options.burst) === 0) await betweenBursts();
  }
  if (options.end === 'shutdown') {
    transport.end();
    await new Promise((resolve) => transport.on('close', resolve));
  } else if (options.end === 'exit') process.exit(0);
  else if (options.end.startsWith('sigterm')) {
    // A service has something that keeps it running.
    setInterval(() => {}, 1 << 30);
    process.kill(process.pid, 'SIGTERM');
  }
}

main();
