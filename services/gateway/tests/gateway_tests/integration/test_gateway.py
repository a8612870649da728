"""The gateway as a process before a real broker: what it answers, and what it publishes."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import grpc
import pika
import psutil
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from harness.fault_proxy import FaultProxy
from harness.http2 import Http2, framed
from logstream_contract.wire import topology
from logstream_contract.wire.packing import unframe
from logstream_contract.wire.pb.logger_pb2 import LogRequest, LogResponse
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord, PushResult
from pika.adapters.blocking_connection import BlockingChannel

WAIT_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Gateway:
    """A running gateway and the calls to it."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
        grpc.channel_ready_future(self.channel).result(WAIT_S)
        self._push = self.channel.unary_unary("/logstream.v1.LogIngest/Push", response_deserializer=PushResult.FromString)
        self._stream = self.channel.stream_stream(
            "/logstream.v1.LogIngest/PushStream", response_deserializer=PushResult.FromString
        )
        self._send_log = self.channel.unary_unary(
            "/LoggerService.Logger/SendLog",
            request_serializer=LogRequest.SerializeToString,
            response_deserializer=LogResponse.FromString,
        )

    def local_ports(self) -> set[int]:
        """Of this client's connections."""
        mine = psutil.Process().net_connections("tcp")
        return {one.laddr.port for one in mine if one.raddr and one.raddr.port == self.port}

    def push(self, raw: bytes, timeout_s: float = WAIT_S) -> PushResult:
        answer: PushResult = self._push(raw, timeout=timeout_s)
        return answer

    def push_later(self, raw: bytes, timeout_s: float = WAIT_S) -> Any:
        return self._push.future(raw, timeout=timeout_s)

    def stream(self, raws: list[bytes], timeout_s: float = WAIT_S) -> Any:
        return self._stream(iter(raws), timeout=timeout_s)

    def send_log(self, node: str, message: str, timestamp: str = "", timeout_s: float = WAIT_S) -> bool:
        return bool(self._send_log(LogRequest(node=node, message=message, timestamp=timestamp), timeout=timeout_s).success)


@contextmanager
def gateway(rabbitmq_url: str, log: IO[bytes] | None = None, **settings: str) -> Iterator[Gateway]:
    port = free_port()
    environment = {
        **os.environ,
        "LOGSTREAM_RABBITMQ_URL": rabbitmq_url,
        "LOGSTREAM_GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOGSTREAM_ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
        **settings,
    }
    process = subprocess.Popen([sys.executable, "-m", "logstream_gateway"], env=environment, stderr=log)
    try:
        yield Gateway(process, port)
    finally:
        process.terminate()
        process.wait(WAIT_S)


@pytest.fixture(scope="module")
def running(rabbitmq_url: str) -> Iterator[Gateway]:
    with gateway(rabbitmq_url) as opened:
        yield opened


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    channel.queue_declare(topology.WRITE_QUEUE, durable=True, arguments=topology.WRITE_QUEUE_ARGUMENTS)
    channel.queue_purge(topology.WRITE_QUEUE)
    yield channel
    connection.close()


def batch(*messages: str, node: str = "orders", batch_id: bytes | None = None) -> bytes:
    records = [LogRecord(message=message) for message in messages]
    return LogBatch(batch_id=batch_id or uuid.uuid4().bytes, node=node, records=records).SerializeToString()


def fetch(broker: BlockingChannel) -> tuple[dict[str, Any], list[bytes]]:
    """Headers and batches of the queue's next message."""
    until = time.monotonic() + WAIT_S
    while True:
        method, properties, body = broker.basic_get(topology.WRITE_QUEUE, auto_ack=True)
        if method:
            return dict(properties.headers), [one.raw() for one in unframe(body)]
        assert time.monotonic() < until, "no message in the queue"


def retry_delay_ms(error: grpc.RpcError) -> int:
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    retry = error_details_pb2.RetryInfo()
    assert status_pb2.Status.FromString(details).details[0].Unpack(retry)
    return int(retry.retry_delay.ToMilliseconds())


def refused(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def test_a_pushed_batch_is_published_as_it_came(running: Gateway, broker: BlockingChannel) -> None:
    raw = batch("a", "b") + b"\xa0\x06\x01"  # a field of a later release: kept
    before = time.time_ns()
    answer = running.push(raw)
    assert (answer.batch_id, answer.accepted) == (LogBatch.FromString(raw).batch_id, 2)
    headers, raws = fetch(broker)
    assert raws == [raw]
    assert before <= headers.pop("received") <= time.time_ns()
    assert headers == {"records": 2, "project": "default"}


def test_single_records_share_a_batch_a_node(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_COALESCE_MS="400", LOGSTREAM_LEGACY_TIMEZONE="Asia/Seoul") as slow:
        calls = [("a", "1", "2024-08-06 18:51:32:5132"), ("b", "2", "2024-08-06T18:51:32Z"), ("a", "3", "no time")]
        threads = [threading.Thread(target=slow.send_log, args=call) for call in calls]
        for thread in threads:
            thread.start()
        headers, raws = fetch(broker)
        for thread in threads:
            thread.join()
    batches = {found.node: found for found in map(LogBatch.FromString, raws)}
    assert headers["records"] == 3
    by_message = {record.message: record for found in batches.values() for record in found.records}
    assert {node: len(found.records) for node, found in batches.items()} == {"a": 2, "b": 1}
    assert by_message["1"].time_unix_nano == 1_722_937_892_513_000_000
    assert by_message["2"].time_unix_nano == 1_722_970_292_000_000_000
    assert by_message["3"].time_unix_nano == 0
    assert by_message["3"].original_timestamp == "no time"
    assert [not record.attributes for record in by_message.values()] == [True] * 3


def test_a_caller_who_leaves_takes_nobody_along(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_COALESCE_MS="300") as slow:
        staying = threading.Thread(target=slow.send_log, args=("a", "stays"))
        staying.start()
        leaving = slow._send_log.future(LogRequest(node="a", message="leaves"), timeout=WAIT_S)
        time.sleep(0.1)
        leaving.cancel()
        _, raws = fetch(broker)
        staying.join()
    assert sorted(record.message for raw in raws for record in LogBatch.FromString(raw).records) == ["leaves", "stays"]


def test_a_stream_answers_in_order_and_ends_at_a_bad_batch(running: Gateway, broker: BlockingChannel) -> None:
    good = [batch(f"{number}") for number in range(50)]
    assert [answer.batch_id for answer in running.stream(good)] == [LogBatch.FromString(raw).batch_id for raw in good]
    assert [fetch(broker)[1] for _ in good] == [[raw] for raw in good]

    answers = running.stream([good[0], batch("x", node=""), good[1]])
    assert next(answers).accepted == 1
    error = refused(lambda: next(answers))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "node: empty" in error.details()


def test_unreadable_and_oversized_messages_are_invalid_arguments(running: Gateway) -> None:
    assert refused(lambda: running.push(b"\xff")).code() == grpc.StatusCode.INVALID_ARGUMENT
    error = refused(lambda: running.push(b"x" * 4_400_000))
    assert (error.code(), error.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "batch: 4400000 bytes, expected at most 4194304",
    )
    error = refused(lambda: running.send_log("a", "x" * 4_400_000))
    assert (error.code(), error.details()[:8]) == (grpc.StatusCode.INVALID_ARGUMENT, "request:")
    error = refused(lambda: running.push(b"x" * 4_500_000))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in error.details()
    error = refused(lambda: running.send_log("", "no node"))
    assert (error.code(), error.details()[:12]) == (grpc.StatusCode.INVALID_ARGUMENT, "node: empty,")


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_batches_are_taken_and_what_they_unpack_to_is_bounded(
    running: Gateway, broker: BlockingChannel, algorithm: grpc.Compression
) -> None:
    raw = batch("a" * 60_000)
    assert running._push(raw, timeout=WAIT_S, compression=algorithm).accepted == 1
    assert fetch(broker)[1] == [raw]
    error = refused(lambda: running._push(bytes(15 * 1024 * 1024), timeout=WAIT_S, compression=algorithm))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in error.details()


@pytest.mark.parametrize("method", ["Push", "PushStream"])
def test_messages_that_cannot_be_unpacked_do_not_fill_the_log(
    rabbitmq_url: str, broker: BlockingChannel, tmp_path: Path, method: str
) -> None:
    path = tmp_path / "log"
    with path.open("wb") as log, gateway(rabbitmq_url, log) as logging, Http2(logging.address) as rude:
        started = time.monotonic()
        for number in range(100):
            call = rude.call(f"/logstream.v1.LogIngest/{method}", ("grpc-encoding", "gzip"))
            rude.send(call, framed(b"no gzip", compressed=True), within_s=WAIT_S, end=True)
            while len(rude.statuses) <= number:
                rude.receive(0.1)
                assert time.monotonic() < started + WAIT_S
        assert logging.push(batch("a")).accepted == 1
        lasted_s = time.monotonic() - started
    assert {status for status, _ in rude.statuses.values()} == {"13"}
    assert path.read_text().count("raised in core") <= lasted_s + 2


def test_a_message_that_does_not_arrive_is_told_and_others_are_served(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_RECEIVE_TIMEOUT_S="1") as strict, Http2(strict.address) as rude:
        without = rude.call("/logstream.v1.LogIngest/Push")
        half = rude.call("/LoggerService.Logger/SendLog")
        rude.send(half, framed(b"x" * 1000)[:500], within_s=WAIT_S)
        until = time.monotonic() + WAIT_S
        while len(rude.statuses) < 2 and time.monotonic() < until:
            assert strict.push(batch("a")).accepted == 1
            rude.receive(0.1)
        assert rude.statuses == dict.fromkeys((without, half), ("14", "the message did not arrive within 1 s"))


def test_a_client_that_keeps_to_the_limit_of_calls_is_never_refused(running: Gateway, broker: BlockingChannel) -> None:
    calls = [running.push_later(batch(f"{number}")) for number in range(2000)]
    assert [call.result(WAIT_S).accepted for call in calls] == [1] * 2000
    broker.queue_purge(topology.WRITE_QUEUE)


def test_headers_without_end_leave_room_for_others_and_for_health(running: Gateway, broker: BlockingChannel) -> None:
    check = running.channel.unary_unary(
        "/grpc.health.v1.Health/Check", response_deserializer=health_pb2.HealthCheckResponse.FromString
    )
    with Http2(running.address) as rude:
        for number in range(10_000):
            rude.call("/logstream.v1.LogIngest/Push")
            if number % 100 == 0:
                rude.receive(0.001)
        assert running.push(batch("a")).accepted == 1
        assert running.send_log("a", "b")
        assert next(running.stream([batch("c")])).accepted == 1
        assert check(b"", timeout=WAIT_S).status == health_pb2.HealthCheckResponse.SERVING
        until = time.monotonic() + WAIT_S
        while len(rude.resets) < 9_000:
            rude.receive(0.1)
            assert time.monotonic() < until


def test_a_full_gateway_says_that_it_is_not_ready_and_health_is_answered(rabbitmq_url: str, broker: BlockingChannel) -> None:
    settings = {"LOGSTREAM_GATEWAY_CONCURRENT_CALLS": "3", "LOGSTREAM_GATEWAY_RECEIVE_TIMEOUT_S": "3600"}
    with gateway(rabbitmq_url, None, **settings) as small, Http2(small.address) as rude:
        check = small.channel.unary_unary(
            "/grpc.health.v1.Health/Check", response_deserializer=health_pb2.HealthCheckResponse.FromString
        )
        assert small.push(batch("a")).accepted == 1
        until = time.monotonic() + WAIT_S
        while check(b"", timeout=WAIT_S).status != health_pb2.HealthCheckResponse.SERVING:
            assert time.monotonic() < until
        for _ in range(3):
            rude.call("/logstream.v1.LogIngest/Push")
        while check(b"", timeout=WAIT_S).status == health_pb2.HealthCheckResponse.SERVING:
            with suppress(grpc.RpcError):
                small.push(batch("b"))
            rude.receive(0.1)
            assert time.monotonic() < until
        error = refused(lambda: small.push(batch("c")))
        assert "LOGSTREAM_GATEWAY_CONCURRENT_CALLS=3" in error.details()
        assert retry_delay_ms(error) == 500


def test_a_silent_stream_and_an_old_one_end_after_their_results(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_STREAM_IDLE_S="1", LOGSTREAM_GATEWAY_STREAM_AGE_S="3") as strict:
        over = threading.Event()

        def silent_after_one() -> Iterator[bytes]:
            yield batch("a")
            over.wait(WAIT_S)

        answers = strict._stream(silent_after_one(), timeout=WAIT_S)
        assert next(answers).accepted == 1
        error = refused(lambda: next(answers))
        over.set()
        assert (error.code(), error.details()[:16]) == (grpc.StatusCode.UNAVAILABLE, "no batch for 1 s")
        assert retry_delay_ms(error) == 500

        sent: list[bytes] = []

        ended = threading.Event()

        def busy() -> Iterator[bytes]:
            while not ended.is_set():
                sent.append(batch(f"{len(sent)}"))
                yield sent[-1]
                time.sleep(0.01)

        answers = strict._stream(busy(), timeout=WAIT_S)
        answered: list[bytes] = []
        with pytest.raises(grpc.RpcError) as caught:
            answered.extend(answer.batch_id for answer in answers)
        ended.set()
        assert "old enough" in caught.value.details()
        # In order and without a gap, so the client knows which to send again.
        assert answered == [LogBatch.FromString(raw).batch_id for raw in sent[: len(answered)]]
        assert answered


def test_no_call_fails_when_connections_reach_their_age(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_CONNECTION_AGE_S="1") as aging:
        ports: set[int] = set()
        until = time.monotonic() + WAIT_S
        while len(ports) < 4:
            waiting = [aging.push_later(batch(f"{number}")) for number in range(20)]
            assert [call.result(WAIT_S).accepted for call in waiting] == [1] * 20
            assert aging.send_log("a", "b")
            ports |= aging.local_ports()
            assert time.monotonic() < until


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_what_health_and_reflection_cannot_read_is_an_invalid_argument(running: Gateway, path: str) -> None:
    answers = running.channel.stream_stream(path)(iter([b"\xff"]), timeout=WAIT_S)
    error = refused(lambda: next(answers))
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "not the message that this method takes")


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_few_messages_of_health_and_reflection_are_received_at_a_time(running: Gateway, path: str) -> None:
    check = running.channel.unary_unary(
        "/grpc.health.v1.Health/Check", response_deserializer=health_pb2.HealthCheckResponse.FromString
    )
    with Http2(running.address) as rude:
        for _ in range(40):
            rude.send(rude.call(path), framed(bytes(1000))[:500], within_s=WAIT_S)
        until = time.monotonic() + WAIT_S
        while len(rude.statuses) < 24:
            rude.receive(0.1)
            assert time.monotonic() < until
        assert set(rude.statuses.values()) == {("14", "the message did not arrive in time")}
        assert check(b"", timeout=WAIT_S).status == health_pb2.HealthCheckResponse.SERVING


def test_a_full_queue_is_told_and_nothing_is_accepted(rabbitmq_url: str, broker: BlockingChannel, running: Gateway) -> None:
    broker.queue_delete(topology.WRITE_QUEUE)
    # What an operator's policy would set, here as an argument; the gateway's own declaration then conflicts, as a queue of
    # an earlier release would, so the queue is filled through the connection that is open already.
    broker.queue_declare(topology.WRITE_QUEUE, durable=True, arguments={**topology.WRITE_QUEUE_ARGUMENTS, "x-max-length": 1})
    errors = []
    for number in range(20):
        try:
            running.push(batch(f"{number}"))
        except grpc.RpcError as error:
            errors.append(error)
    assert errors
    assert {error.code() for error in errors} == {grpc.StatusCode.UNAVAILABLE}
    assert "full" in errors[-1].details()
    assert retry_delay_ms(errors[-1]) == 500
    broker.queue_delete(topology.WRITE_QUEUE)


def test_a_deleted_queue_is_noticed_and_declared_again(running: Gateway, broker: BlockingChannel) -> None:
    broker.queue_delete(topology.WRITE_QUEUE)
    error = refused(lambda: running.push(batch("nowhere to go")))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    until = time.monotonic() + WAIT_S
    raw = batch("again")
    while True:
        try:
            running.push(raw)
            break
        except grpc.RpcError:
            assert time.monotonic() < until
    assert fetch(broker)[1] == [raw]


@pytest.mark.parametrize(
    "call",
    [
        lambda lonely: lonely.push(batch("a"), timeout_s=1.5),
        lambda lonely: lonely.send_log("a", "a", timeout_s=1.5),
        lambda lonely: next(lonely.stream([batch("a")], timeout_s=1.5)),
    ],
    ids=["Push", "SendLog", "PushStream"],
)
def test_without_a_broker_callers_are_told_before_their_deadline(call: Callable[[Gateway], object]) -> None:
    with gateway("amqp://u:p@127.0.0.1:1/") as lonely:
        error = refused(lambda: call(lonely))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert "no connection to the broker" in error.details()
        assert retry_delay_ms(error) == 500


def test_a_blocked_broker_is_told_and_a_late_unblocking_still_takes_the_batch(
    rabbitmq_url: str, broker: BlockingChannel
) -> None:
    parameters = pika.URLParameters(rabbitmq_url)
    address = f"{parameters.host}:{parameters.port}"
    with (
        FaultProxy(parameters.host, parameters.port) as proxy,
        gateway(rabbitmq_url.replace(address, f"127.0.0.1:{proxy.port}")) as behind,
    ):
        raw = batch("first")
        behind.push(raw)
        assert fetch(broker)[1] == [raw]
        proxy.inject(pika.frame.Method(0, pika.spec.Connection.Blocked("low on memory")).marshal())
        until = time.monotonic() + WAIT_S
        while True:
            call = behind.push_later(batch("held"), timeout_s=0.6)
            if call.exception() and "blocked" in call.details():
                break
            assert time.monotonic() < until, "the gateway takes batches although the broker is blocked"
        assert call.code() == grpc.StatusCode.UNAVAILABLE
        waiting = behind.push_later(raw)
        proxy.inject(pika.frame.Method(0, pika.spec.Connection.Unblocked()).marshal())
        assert waiting.result(WAIT_S).accepted == 1


def test_bytes_held_are_bounded_until_the_broker_has_answered(rabbitmq_url: str) -> None:
    parameters = pika.URLParameters(rabbitmq_url)
    with FaultProxy(parameters.host, parameters.port) as proxy:
        url = rabbitmq_url.replace(f"{parameters.host}:{parameters.port}", f"127.0.0.1:{proxy.port}")
        with gateway(url, LOGSTREAM_GATEWAY_INFLIGHT_BYTES=str(1024 * 1024)) as behind:
            behind.push(batch("connected"))
            proxy.hold()
            big = [batch("x" * 60_000, "y" * 60_000, "z" * 60_000, "w" * 60_000) for _ in range(6)]
            calls = [behind.push_later(raw, timeout_s=1.0) for raw in big]
            details = [refused(call.result).details() for call in calls]
            assert sum("LOGSTREAM_GATEWAY_INFLIGHT_BYTES=1048576" in text for text in details) == 2
            # The callers have left, the bytes are still held.
            assert "LOGSTREAM_GATEWAY_INFLIGHT_BYTES" in refused(lambda: behind.push(big[0], timeout_s=1.0)).details()
            proxy.release()
            until = time.monotonic() + WAIT_S
            while True:
                try:
                    assert behind.push(big[0]).accepted == 4
                    break
                except grpc.RpcError:
                    assert time.monotonic() < until


def test_a_stopping_gateway_answers_the_calls_it_has(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_COALESCE_MS="1000") as slow:
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(slow.send_log("a", "last words")))
        thread.start()
        time.sleep(0.3)
        slow.process.send_signal(signal.SIGTERM)
        thread.join(WAIT_S)
        assert slow.process.wait(WAIT_S) == 0
        assert answers == [True]
    assert LogBatch.FromString(fetch(broker)[1][0]).records[0].message == "last words"


def test_several_processes_share_the_port_and_one_is_replaced(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_PROCESSES="2") as several:
        found = subprocess.run(["pgrep", "-P", str(several.process.pid)], capture_output=True, text=True, check=True)
        workers = [int(pid) for pid in found.stdout.split()]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        until = time.monotonic() + WAIT_S
        raw = batch("still there")
        while True:
            try:
                assert several.push(raw).accepted == 1
                break
            except grpc.RpcError:
                assert time.monotonic() < until
    assert fetch(broker)[1] == [raw]


def test_a_taken_port_is_named(rabbitmq_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        environment = {
            **os.environ,
            "LOGSTREAM_RABBITMQ_URL": rabbitmq_url,
            "LOGSTREAM_GATEWAY_LISTEN": listen,
            "LOGSTREAM_ADMIN_LISTEN": "127.0.0.1:0",
        }
        command = [sys.executable, "-m", "logstream_gateway"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert done.returncode == 1
    assert f"LOGSTREAM_GATEWAY_LISTEN={listen}" in done.stderr
