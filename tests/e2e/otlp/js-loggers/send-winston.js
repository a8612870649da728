// Logs with winston and its transport to OpenTelemetry's SDK, as a service would. Usage:
//   node send-winston.js --protocol grpc|http/protobuf|http/json [--records N] [--burst N] [--pause-ms N] [--step]
//                        [--trace] [--kind records|odd] [--end shutdown|return|exit|sigterm|sigterm-handled]
// The environment has the rest (OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT). --step: waits for a line on standard input
// after each burst. Each record that was handed to the SDK is a JSON object a line on standard output: message, level,
// severity, time_unix_nano, trace_id, span_id, attributes. What the SDK says of itself goes to standard error.
'use strict';

const { writeSync } = require('node:fs');
const { createInterface } = require('node:readline');
const { parseArgs } = require('node:util');
const { diag, trace, DiagLogLevel } = require('@opentelemetry/api');
const { logs } = require('@opentelemetry/api-logs');
const { defaultResource, resourceFromAttributes } = require('@opentelemetry/resources');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');
const { NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');
const { OpenTelemetryTransportV3 } = require('@opentelemetry/winston-transport');
const winston = require('winston');

const EXPORTERS = {
  grpc: '@opentelemetry/exporter-logs-otlp-grpc',
  'http/protobuf': '@opentelemetry/exporter-logs-otlp-proto',
  'http/json': '@opentelemetry/exporter-logs-otlp-http',
};
const LEVELS = ['silly', 'debug', 'verbose', 'http', 'info', 'warn', 'error'];

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
      attributes: record.attributes,
    };
    writeSync(1, `${JSON.stringify(line)}\n`);
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};

const { OTLPLogExporter } = require(EXPORTERS[options.protocol]);
const provider = new LoggerProvider({
  resource: defaultResource().merge(resourceFromAttributes({ 'service.name': node })),
  processors: [printer, new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })],
});
logs.setGlobalLoggerProvider(provider);
const tracing = new NodeTracerProvider();
tracing.register();
const tracer = trace.getTracer('send');
const logger = winston.createLogger({
  level: 'silly',
  format: winston.format.splat(),
  transports: [new OpenTelemetryTransportV3()],
});

function log(number) {
  const level = LEVELS[number % LEVELS.length];
  logger.log(level, `${node} record ${String(number).padStart(6, '0')}`, { n: String(number) });
}

function logOddOnes() {
  logger.info(`${node} says %s to %d`, 'hello', 3);
  logger.error(`${node} failed`, { error: new Error('no such order') });
  logger.info(`${node} nested`, { order: { id: 4711, lines: ['a', 'b'] } });
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
  if (options.kind === 'odd') logOddOnes();
  else {
    for (let number = 0; number < Number(options.records); number += 1) {
      if (options.trace) {
        tracer.startActiveSpan('order', (span) => {
          log(number);
          span.end();
        });
      } else log(number);
      if ((number + 1) % Number(options.burst) === 0) await betweenBursts();
    }
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
