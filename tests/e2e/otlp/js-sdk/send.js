// Logs through OpenTelemetry's SDK for JavaScript with its defaults, as a service would. Usage:
//   node send.js --protocol grpc|http/protobuf|http/json [--records N] [--burst N] [--pause-ms N] [--step]
//                [--trace] [--kind records|bodies|large] [--end shutdown|return|exit|sigterm|sigterm-handled]
// The environment has the rest (OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT). --step: waits for a line on standard input
// after each burst. Each record that was handed to the SDK is a JSON object a line on standard output: message, level,
// severity, time_unix_nano, trace_id, span_id, attributes. What the SDK says of itself goes to standard error.
'use strict';

const { writeSync } = require('node:fs');
const { createInterface } = require('node:readline');
const { parseArgs } = require('node:util');
const { diag, logs, trace, DiagLogLevel, ROOT_CONTEXT, SeverityNumber } = require('@opentelemetry/api');
const { defaultResource, resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');

const EXPORTERS = {
  grpc: '@opentelemetry/exporter-logs-otlp-grpc',
  'http/protobuf': '@opentelemetry/exporter-logs-otlp-proto',
  'http/json': '@opentelemetry/exporter-logs-otlp-http',
};
const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const BODIES = {
  text: 'a text',
  map: { a: 1, b: [true, null, 'x'] },
  array: ['x', 2, 0.5],
  integer: 4711,
  // JSON has no other way to write it than as a number, which a double is too narrow for.
  'large integer': 2 ** 53 + 2,
  double: 0.1,
  'not a number': Number.NaN,
  boolean: true,
  bytes: new Uint8Array([0, 255, 97, 98]),
  empty: '',
  none: undefined,
};
const LARGE_TEXT = 'x'.repeat(40_000);

const { values: options } = parseArgs({
  options: {
    protocol: { type: 'string' },
    records: { type: 'string', default: '10' },
    burst: { type: 'string', default: '100' },
    'pause-ms': { type: 'string', default: '0' },
    step: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    kind: { type: 'string', default: 'records' },
    end: { type: 'string', default: 'shutdown' },
  },
});
const node = process.env.OTEL_SERVICE_NAME;

const toStandardError = (...words) => process.stderr.write(`${words.join(' ')}\n`);
diag.setLogger(
  { error: toStandardError, warn: toStandardError, info: toStandardError, debug() {}, verbose() {} },
  DiagLogLevel.INFO,
);

// Tells what the SDK was given, before it is queued.
const printer = {
  onEmit(record) {
    const line = {
      message: typeof record.body === 'string' ? record.body : null,
      level: record.severityText ?? null,
      severity: record.severityNumber ?? 0,
      time_unix_nano: String(BigInt(record.hrTime[0]) * 1_000_000_000n + BigInt(record.hrTime[1])),
      trace_id: record.spanContext?.traceId ?? null,
      span_id: record.spanContext?.spanId ?? null,
      attributes: { ...record.attributes, large: undefined },
    };
    writeSync(1, `${JSON.stringify(line)}\n`);
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};

const { OTLPLogExporter } = require(EXPORTERS[options.protocol]);
const provider = new LoggerProvider({
  resource: defaultResource().merge(resourceFromAttributes(node === undefined ? {} : { 'service.name': node })),
  processors: [printer, new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })],
});
logs.setGlobalLoggerProvider(provider);
const logger = logs.getLogger('shop.orders', '1.2.3');

const hex = (number, digits) => number.toString(16).padStart(digits, '0');
const spanOf = (number) => ({ traceId: hex(number + 1, 32), spanId: hex(number + 1, 16), traceFlags: 1 });

function* records() {
  if (options.kind === 'bodies') {
    for (const [name, body] of Object.entries(BODIES)) {
      yield {
        body,
        severityNumber: SeverityNumber.INFO,
        severityText: 'INFO',
        attributes: { case: name },
        ...(body === undefined ? { eventName: 'an.event' } : {}),
      };
    }
    return;
  }
  const large = options.kind === 'large' ? { large: LARGE_TEXT } : {};
  for (let number = 0; number < Number(options.records); number += 1) {
    const level = LEVELS[number % LEVELS.length];
    yield {
      body: `${node} record ${String(number).padStart(6, '0')}`,
      severityNumber: SeverityNumber[level],
      severityText: level,
      attributes: { n: String(number), ...large },
      ...(options.trace ? { context: trace.setSpanContext(ROOT_CONTEXT, spanOf(number)) } : {}),
    };
  }
}

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
    process.once('SIGTERM', () => provider.shutdown().finally(() => process.exit(0)));
  }
  let number = 0;
  for (const record of records()) {
    logger.emit(record);
    number += 1;
    if (number % Number(options.burst) === 0) await betweenBursts();
  }
  if (options.end === 'shutdown') await provider.shutdown();
  else if (options.end === 'exit') process.exit(0);
  else if (options.end.startsWith('sigterm')) {
    // A service has something that keeps it running.
    setInterval(() => {}, 1 << 30);
    process.kill(process.pid, 'SIGTERM');
  }
}

main();
