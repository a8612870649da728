"""Connections of OTLP over HTTP: those that are slow, leave, break the rules, or are there when the process stops."""

import gzip
import http.client
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import requests
from harness.http2 import Http2, framed
from pika.adapters.blocking_connection import BlockingChannel

from .gateway_process import WAIT_S, batch, refused
from .test_otlp import JSON, METHOD, MIB, PROTOBUF, Otlp, batches, export, otlp_gateway, status_of

HEAD = f"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\n"


@pytest.fixture(scope="module")
def otlp(rabbitmq_url: str) -> Iterator[Otlp]:
    with otlp_gateway(rabbitmq_url, LOGSTREAM_GATEWAY_RECEIVE_TIMEOUT_S="1") as running:
        yield running


class Raw:
    """A connection that sends whatever bytes it is given."""

    def __init__(self, otlp: Otlp) -> None:
        self.socket = socket.create_connection(("127.0.0.1", otlp.port), WAIT_S)

    def send(self, text: str, body: bytes = b"") -> None:
        self.socket.sendall(text.encode() + body)

    def answer(self) -> tuple[int, http.client.HTTPResponse]:
        response = http.client.HTTPResponse(self.socket, method="POST")
        response.begin()
        return response.status, response


@contextmanager
def raw_connection(otlp: Otlp) -> Iterator[Raw]:
    connection = Raw(otlp)
    try:
        yield connection
    finally:
        connection.socket.close()


def counted(otlp: Otlp, name: str, reason: str, method: str = "ExportHttp") -> float:
    text = requests.get(f"{otlp.gateway.admin_url}/metrics", timeout=WAIT_S).text
    line = f'logstream_gateway_{name}_total{{method="{method}",reason="{reason}"}} '
    return float(next(found for found in text.splitlines() if found.startswith(line)).removeprefix(line))


def wait_until_refused(port: int) -> None:
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), WAIT_S).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise AssertionError("it still listens")


def grown(otlp: Otlp, name: str, reason: str, before: float) -> None:
    until = time.monotonic() + WAIT_S
    while counted(otlp, name, reason) != before + 1:
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("length", ["Content-Length: 1000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n3e8\r\n"])
def test_a_body_that_does_not_arrive_gets_an_error_and_others_are_served(otlp: Otlp, length: str) -> None:
    with raw_connection(otlp) as slow:
        slow.send(HEAD + length, b"half")
        assert otlp.http(export("meanwhile")).status_code == 200
        assert otlp.gateway.push(batch("meanwhile")).accepted == 1
        status, answer = slow.answer()
    assert (status, answer.headers["Retry-After"], answer.headers["Connection"]) == (503, "2", "close")
    assert b"did not arrive within 1 s" in answer.read()


def test_a_client_that_leaves_in_the_middle_is_counted_and_is_no_error(otlp: Otlp) -> None:
    before, failed = counted(otlp, "unreceived_calls", "no_message"), counted(otlp, "failed_calls", "unexpected")
    with raw_connection(otlp) as leaving:
        leaving.send(HEAD + "Content-Length: 1000\r\n\r\n", b"half")
        time.sleep(0.1)
    grown(otlp, "unreceived_calls", "no_message", before)
    assert counted(otlp, "failed_calls", "unexpected") == failed


def test_a_body_that_breaks_off_is_no_error(otlp: Otlp) -> None:
    failed = counted(otlp, "failed_calls", "unexpected")
    with raw_connection(otlp) as broken:
        broken.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        time.sleep(0.2)
        broken.send("no size\r\n")
        # aiohttp may not tell, and then it is a body that does not arrive.
        assert broken.answer()[0] in (400, 503)
    assert otlp.http(b"").status_code == 200
    assert counted(otlp, "failed_calls", "unexpected") == failed


@pytest.mark.parametrize(
    "words", ["\x16\x03\x01\r\n\r\n", "BAD\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nLong: " + "x" * 9_000 + "\r\n\r\n"]
)
def test_what_is_no_http_gets_a_short_answer(otlp: Otlp, words: str) -> None:
    with raw_connection(otlp) as odd:
        odd.send(words)
        status, answer = odd.answer()
        assert (status, len(answer.read()) < 1_000) == (400, True)
    assert otlp.http(b"").status_code == 200


def test_a_connection_serves_one_request_after_another(otlp: Otlp, broker: BlockingChannel) -> None:
    with requests.Session() as session:
        for number in range(3):
            answer = session.post(otlp.url, data=export(str(number)), headers={"Content-Type": PROTOBUF}, timeout=WAIT_S)
            assert (answer.status_code, answer.headers.get("Connection")) == (200, None)
        answer = session.post(otlp.url, data=b"\xff", headers={"Content-Type": PROTOBUF}, timeout=WAIT_S)
        assert (answer.status_code, answer.headers.get("Connection")) == (400, None)
    assert [found.records[0].message for _ in range(3) for found in batches(broker)] == ["0", "1", "2"]


def test_many_records_as_json(otlp: Otlp, broker: BlockingChannel) -> None:
    records = [
        {
            "timeUnixNano": str(time.time_ns()),
            "severityNumber": 9,
            "body": {"stringValue": f"message {number}"},
            "attributes": [{"key": "n", "value": {"intValue": number}}],
            "traceId": "5b8efff798038103d269b633813fc60c",
            "spanId": "eee19b7ec3c1b174",
        }
        for number in range(512)
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    body = json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}).encode()
    assert otlp.http(iter([body[:50_000], body[50_000:]]), JSON).json() == {}
    (found,) = batches(broker)
    assert [record.message for record in found.records] == [f"message {number}" for number in range(512)]
    assert found.records[511].attributes["n"] == "511"


def test_json_may_have_a_quarter_of_the_size(otlp: Otlp) -> None:
    body = b'{"resourceLogs":[], "x": "' + b"x" * 9 * MIB + b'"}'
    for sent, headers in ((body, {}), (gzip.compress(body, 1), {"Content_Encoding": "gzip"})):
        answer = otlp.http(sent, JSON, **headers)
        assert answer.status_code == 413
        assert "8388608 as JSON" in status_of(answer)[1]


def test_an_unexpected_error_is_counted_once_and_not_disclosed(rabbitmq_url: str, tmp_path: Path) -> None:
    # As it would be if a dependency had changed.
    (tmp_path / "sitecustomize.py").write_text(
        "import logstream_contract.otlp.records as records\n"
        "def fail(*_): raise RuntimeError('what only the log may say')\n"
        "records.read_resource = fail\n"
    )
    with otlp_gateway(rabbitmq_url, PYTHONPATH=str(tmp_path)) as broken:
        answer = broken.http(export("a"))
        assert (answer.status_code, status_of(answer)) == (500, (13, "internal error of the gateway"))
        assert counted(broken, "failed_calls", "unexpected") == 1
        error = refused(lambda: broken.grpc(export("a")))
        assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal error of the gateway")
        assert counted(broken, "failed_calls", "unexpected", "Export") == 1
        assert broken.http(b"").status_code == 200


def test_an_export_that_does_not_arrive_gets_an_error(otlp: Otlp) -> None:
    with Http2(otlp.gateway.address) as rude:
        half = rude.call(METHOD)
        rude.send(half, framed(b"x" * 1000)[:500], within_s=WAIT_S)
        until = time.monotonic() + WAIT_S
        while not rude.statuses and time.monotonic() < until:
            rude.receive(0.1)
        assert rude.statuses == {half: ("14", "the message did not arrive within 1 s")}


def test_a_stopping_gateway_answers_the_requests_it_has(rabbitmq_url: str, broker: BlockingChannel) -> None:
    raw = export("last words")
    with otlp_gateway(rabbitmq_url) as stopping, raw_connection(stopping) as half, raw_connection(stopping) as idle:
        idle.send(HEAD + "Content-Length: 0\r\n\r\n")
        assert idle.answer()[0] == 200
        half.send(HEAD + f"Content-Length: {len(raw)}\r\n\r\n", raw[:10])
        time.sleep(0.3)
        stopping.gateway.process.send_signal(signal.SIGTERM)
        wait_until_refused(stopping.port)
        idle.send(HEAD + "Content-Length: 0\r\n\r\n")
        status, answer = idle.answer()
        assert (status, answer.headers["Connection"]) == (503, "close")
        half.send("", raw[10:])
        assert half.answer()[0] == 200
        started = time.monotonic()
        assert stopping.gateway.process.wait(WAIT_S) == 0
        assert time.monotonic() < started + 10
    assert batches(broker)[0].records[0].message == "last words"


def test_a_request_that_never_ends_does_not_keep_the_process(rabbitmq_url: str) -> None:
    with otlp_gateway(rabbitmq_url, LOGSTREAM_SHUTDOWN_S="2") as stopping, raw_connection(stopping) as half:
        half.send(HEAD + "Content-Length: 1000\r\n\r\n", b"half")
        time.sleep(0.3)
        started = time.monotonic()
        stopping.gateway.process.send_signal(signal.SIGTERM)
        assert stopping.gateway.process.wait(WAIT_S) == 0
        assert time.monotonic() < started + 8


def test_several_processes_share_the_port(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with otlp_gateway(rabbitmq_url, LOGSTREAM_GATEWAY_PROCESSES="2") as several:
        children = subprocess.run(
            ["pgrep", "-P", str(several.gateway.process.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        assert len(children) == 2
        failed: list[BaseException] = []

        def send() -> None:
            try:
                assert several.http(export("a")).status_code == 200
            except (AssertionError, requests.RequestException) as error:
                failed.append(error)

        threads = [threading.Thread(target=send) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        assert not failed
