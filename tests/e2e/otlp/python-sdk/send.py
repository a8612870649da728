"""Logs through Python's logging and OpenTelemetry's SDK with its defaults, as a service would. Usage:

    send.py --protocol grpc|http/protobuf --handler instrumentation|sdk [--records N] [--burst N] [--pause-ms N] [--step]
            [--trace] [--kind records|bodies|levels|large] [--end shutdown|return|exit|sigterm|sigterm-handled]

The environment has the rest, in the variables that every SDK understands (OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT).
--step: waits for a line on standard input after each burst. Each record that was handed to the SDK is a JSON object a line
on standard output: message, level, severity, time_unix_nano, trace_id, span_id, attributes. What the SDK says of itself goes
to standard error.
"""

import argparse
import json
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber, set_logger_provider
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.sdk import _logs as sdk
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
BODIES: dict[str, Any] = {
    "text": "a text",
    "map": {"a": 1, "b": [True, None, "x"]},
    "array": ["x", 2, 0.5],
    "integer": 2**53 + 1,
    "double": 0.1,
    "boolean": True,
    "bytes": b"\x00\xffab",
    "empty": "",
    "none": None,
}
# NOTICE has a name of its own here; the others have none.
ODD_LEVELS = (5, 25, 33, 60)
LARGE_TEXT = "x" * 40_000


class Printer(sdk.LogRecordProcessor):
    """Tells what the SDK was given, before it is queued."""

    def on_emit(self, log_record: sdk.ReadWriteLogRecord) -> None:
        record = log_record.log_record
        attributes = {key: value for key, value in (record.attributes or {}).items() if key != "large"}
        context = trace.get_current_span(record.context).get_span_context()
        line = {
            "message": record.body if isinstance(record.body, str) else None,
            "level": record.severity_text,
            "severity": record.severity_number.value if record.severity_number else 0,
            "time_unix_nano": str(record.timestamp or record.observed_timestamp),
            "trace_id": f"{context.trace_id:032x}" if context.is_valid else None,
            "span_id": f"{context.span_id:016x}" if context.is_valid else None,
            "attributes": {key: value for key, value in attributes.items() if isinstance(value, str)},
        }
        os.write(1, json.dumps(line).encode() + b"\n")

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


def make_exporter(protocol: str) -> Any:
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter

    return HttpExporter()


def attach(handler: str, provider: sdk.LoggerProvider) -> None:
    """Has the root logger send what the loggers below it let through."""
    if handler == "sdk":
        warnings.simplefilter("ignore", DeprecationWarning)
        logging.getLogger().addHandler(sdk.LoggingHandler(logger_provider=provider))
    else:
        LoggingInstrumentor().instrument()
    # Else what an exporter says of a failure would be sent by that exporter.
    own = logging.getLogger("opentelemetry")
    own.propagate = False
    own.addHandler(logging.StreamHandler())


def calls(kind: str, records: int, node: str) -> Iterator[tuple[int, Any, dict[str, str]]]:
    """Level, message and extra attributes of each call."""
    if kind == "bodies":
        for case, body in BODIES.items():
            yield logging.INFO, body, {"case": case}
    elif kind == "levels":
        logging.addLevelName(25, "NOTICE")
        for level in ODD_LEVELS:
            yield level, f"{node} level {level}", {"case": str(level)}
    else:
        large = {"large": LARGE_TEXT} if kind == "large" else {}
        for number in range(records):
            yield LEVELS[number % len(LEVELS)], f"{node} record {number:06d}", {"n": str(number), **large}


def emit_bodies(provider: sdk.LoggerProvider) -> None:
    """The same by the SDK's own interface, which takes every kind of body."""
    logger = provider.get_logger("bodies", "1.2.3")
    for case, body in BODIES.items():
        record = LogRecord(
            timestamp=time.time_ns(),
            severity_number=SeverityNumber.INFO,
            body=body,
            attributes={"case": f"emitted {case}"},
            event_name="an.event" if body is None else None,
        )
        logger.emit(record)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", choices=["grpc", "http/protobuf"], required=True)
    parser.add_argument("--handler", choices=["instrumentation", "sdk"], default="instrumentation")
    parser.add_argument("--records", type=int, default=10)
    parser.add_argument("--burst", type=int, default=100)
    parser.add_argument("--pause-ms", type=int, default=0)
    parser.add_argument("--step", action="store_true")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--kind", choices=["records", "bodies", "levels", "large"], default="records")
    parser.add_argument("--end", choices=["shutdown", "return", "exit", "sigterm", "sigterm-handled"], default="shutdown")
    options = parser.parse_args()
    provider = sdk.LoggerProvider()
    provider.add_log_record_processor(Printer())
    provider.add_log_record_processor(BatchLogRecordProcessor(make_exporter(options.protocol)))
    set_logger_provider(provider)
    attach(options.handler, provider)
    if options.end == "sigterm-handled":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tracer = TracerProvider().get_tracer("send") if options.trace else None
    # Not the root logger's: at DEBUG urllib3 logs every export, which is a record to export.
    logger = logging.getLogger("shop.orders")
    logger.setLevel(1)
    for number, (level, message, extra) in enumerate(calls(options.kind, options.records, os.environ["OTEL_SERVICE_NAME"])):
        with tracer.start_as_current_span("order") if tracer else nullcontext():
            logger.log(level, message, extra=extra)
        if number % options.burst == options.burst - 1:
            time.sleep(options.pause_ms / 1000)
            if options.step:
                sys.stdin.readline()
    if options.kind == "bodies":
        emit_bodies(provider)
    if options.end == "shutdown":
        provider.shutdown()
    elif options.end == "exit":
        sys.exit(0)
    elif options.end.startswith("sigterm"):
        os.kill(os.getpid(), signal.SIGTERM)


main()
