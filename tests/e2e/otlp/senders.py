"""Services that log with OpenTelemetry's SDKs, each a program of its own with the SDK's defaults. It must not judge."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.waiting import wait_for

HERE = Path(__file__).parent
JS_SDK, JS_LOGGERS = HERE / "js-sdk", HERE / "js-loggers"
INSTALL_S = 240
# A sender that is told to shut down has ended by then, retries included.
END_S = 90


@dataclass(frozen=True)
class Kind:
    """A library, and how it sends."""

    name: str
    program: tuple[str, ...]
    protocol: str
    folder: Path = HERE
    # Whether it sends a call again that was not answered with success.
    retries: bool = True


def _python(handler: str, protocol: str) -> Kind:
    program = (sys.executable, "python-sdk/send.py", "--handler", handler)
    return Kind(f"python {handler} {protocol}", program, protocol)


PYTHON_GRPC = _python("instrumentation", "grpc")
PYTHON_HTTP = _python("instrumentation", "http/protobuf")
# The handler of the SDK itself is deprecated, and in wide use.
PYTHON_SDK_HANDLER = _python("sdk", "http/protobuf")
JS_GRPC = Kind("js grpc", ("node", "send.js"), "grpc", JS_SDK, retries=False)
JS_PROTOBUF = Kind("js http/protobuf", ("node", "send.js"), "http/protobuf", JS_SDK)
JS_JSON = Kind("js http/json", ("node", "send.js"), "http/json", JS_SDK)
WINSTON = Kind("winston http/protobuf", ("node", "send-winston.js"), "http/protobuf", JS_LOGGERS)
PINO = Kind("pino http/protobuf", ("node", "send-pino.js"), "http/protobuf", JS_LOGGERS)
PINO_GRPC = Kind("pino grpc", ("node", "send-pino.js"), "grpc", JS_LOGGERS, retries=False)
KINDS = (
    PYTHON_GRPC,
    PYTHON_HTTP,
    PYTHON_SDK_HANDLER,
    JS_GRPC,
    JS_PROTOBUF,
    JS_JSON,
    WINSTON,
    PINO,
    PINO_GRPC,
)


class Sent(NamedTuple):
    """A record as the service handed it to the SDK. message: None where it is no text."""

    message: str | None
    level: str | None
    severity: int
    time_us: int
    trace_id: str | None
    span_id: str | None
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Endpoints:
    """Where the senders send to: two URLs."""

    grpc: str
    http: str

    def of(self, kind: Kind) -> str:
        return self.grpc if kind.protocol == "grpc" else self.http


@dataclass
class Service:
    """A sender that runs. sent grows while it does."""

    kind: Kind
    node: str
    process: subprocess.Popen[str]
    sent: list[Sent] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def messages(self) -> set[str]:
        return {record.message for record in list(self.sent) if record.message is not None}

    def step(self) -> None:
        """Lets one that was started with --step go on."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def wait_sent(self, records: int) -> None:
        wait_for(f"{records} records of {self.kind.name}", lambda: len(self.sent), lambda seen: seen >= records)

    def wait_end(self, status: int = 0) -> None:
        """Waits for its end. Raises AssertionError if it ends with another exit status."""
        ended = self.process.wait(END_S)
        for thread in self._threads:
            thread.join(END_S)
        assert ended == status, f"{self.kind.name}: exit status {ended}\n{''.join(self.said[-20:])}"

    def __post_init__(self) -> None:
        self._threads = [threading.Thread(target=reading, daemon=True) for reading in (self._read_sent, self._read_said)]
        for thread in self._threads:
            thread.start()

    def _read_sent(self) -> None:
        for line in self.process.stdout or ():
            said = json.loads(line)
            time_us = int(said.pop("time_unix_nano")) // 1_000
            self.sent.append(Sent(time_us=time_us, **said))

    def _read_said(self) -> None:
        for line in self.process.stderr or ():
            self.said.append(line)


def install() -> None:
    """Brings the npm packages of the senders."""
    for folder in (JS_SDK, JS_LOGGERS):
        installed = folder / "node_modules/.package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=INSTALL_S)


@contextmanager
def started(
    kind: Kind, endpoints: Endpoints, node: str, arguments: Sequence[str], settings: Mapping[str, str]
) -> Iterator[Service]:
    """A sender that logs as this node. settings: more variables of its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment |= {"OTEL_SERVICE_NAME": node, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoints.of(kind), **settings}
    command = [*kind.program, "--protocol", kind.protocol, *arguments]
    with subprocess.Popen(
        command,
        cwd=kind.folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Service(kind, node, process)
        finally:
            process.kill()
