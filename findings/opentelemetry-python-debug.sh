#!/usr/bin/env bash
# opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http 1.45.2, opentelemetry-instrumentation-logging 0.66b2 for Python.
# One would have guessed: a service that logs one record at level DEBUG, and then nothing, makes one export. The SDK marks
# the time of an export as one whose instrumentation is suppressed.
# What happens: it exports again every second for as long as it runs. urllib3, by which the exporter sends, logs each request
# at DEBUG through logging; the handler on the root logger takes that for a record of the service, and the next export brings
# it, which is logged again.
# Why it matters: each service whose root logger is at DEBUG sends a record a second that nobody wrote, with the address of
# the log server in it, and one more per call when it is busy. logging.getLogger("urllib3").setLevel(logging.INFO) ends it,
# and so does the gRPC exporter.
# Seen 2026-11-30, with the deprecated LoggingHandler of opentelemetry-sdk as well.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2 \
  opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-instrumentation-logging==0.66b2
cat >"$dir/idle.py" <<'PYTHON'
import logging
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.version import __version__

IDLE_S = 6.5
exports = 0


class Handler(BaseHTTPRequestHandler):
    """A log server that takes everything."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        global exports
        exports += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


def exports_while_idle() -> int:
    global exports
    exports = 0
    logging.getLogger("service").debug("the only record of the service")
    time.sleep(IDLE_S)
    return exports


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
provider = LoggerProvider()
exporter = OTLPLogExporter(endpoint=f"http://127.0.0.1:{server.server_port}/v1/logs")
provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
set_logger_provider(provider)
LoggingInstrumentor().instrument()
logging.getLogger().setLevel(logging.DEBUG)
at_debug = exports_while_idle()
logging.getLogger("urllib3").setLevel(logging.INFO)
time.sleep(2)
at_info = exports_while_idle()
print(f"opentelemetry-sdk {__version__}, Python {sys.version.split()[0]}, {IDLE_S} s after one record:")
print(f"root logger at DEBUG: {at_debug} exports")
print(f"and urllib3 at INFO: {at_info} exports")
if at_debug < 4 or at_info != 1:
    print("Changed: expected an export a second, and one with urllib3 at INFO")
    sys.exit(1)
PYTHON
"$dir/venv/bin/python" "$dir/idle.py"
