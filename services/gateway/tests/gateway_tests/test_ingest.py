"""The handlers, without a network: timestamps that no field holds, and errors that nobody expected."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import grpc
import pytest
from logstream_contract.wire.batches import Limits
from logstream_contract.wire.pb.logger_pb2 import LogRequest, LogResponse
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_gateway.admission import Admission, Bounds
from logstream_gateway.ingest import Ingest
from logstream_gateway.metrics import Metrics
from logstream_gateway.otlp import PublishedExport
from logstream_gateway.streams import StreamBounds, Streams
from prometheus_client import CollectorRegistry

SECRET = "what only the log may say"


class Context:
    """Messages to read, and what the call ended with."""

    def __init__(self, *messages: bytes) -> None:
        self._messages = list(messages)
        self.ended: tuple[grpc.StatusCode, str] | None = None

    def peer(self) -> str:
        return "ipv4:192.0.2.1:5000"

    async def read(self) -> object:
        return self._messages.pop(0) if self._messages else grpc.aio.EOF

    async def write(self, message: bytes) -> None:
        raise AssertionError(f"an answer to what failed: {message!r}")

    def time_remaining(self) -> float | None:
        return None

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: object = ()) -> NoReturn:
        self.ended = (code, details)
        raise grpc.aio.AbortError(details)


class Coalescer:
    """Keeps the records and confirms them, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.records: list[LogRecord] = []
        self._error = error

    def add(self, node: str, record: LogRecord, size_bytes: int, timeout_s: float) -> asyncio.Future[None]:
        if self._error:
            raise self._error
        self.records.append(record)
        confirmed = asyncio.get_running_loop().create_future()
        confirmed.set_result(None)
        return confirmed


class Publisher:
    def publish(self, body: bytes, records: int, received_unix_nano: int) -> asyncio.Future[None]:
        raise RuntimeError(SECRET)


class Unconfirming:
    """A broker that confirms nothing."""

    def __init__(self) -> None:
        self.published = 0

    def publish(self, body: bytes, records: int, received_unix_nano: int) -> asyncio.Future[None]:
        self.published += 1
        return asyncio.get_running_loop().create_future()


def ingest_with(coalescer: Coalescer, registry: CollectorRegistry) -> Ingest:
    metrics = Metrics(registry)
    publisher: Any = Publisher()
    gathering: Any = coalescer
    otlp: Any = None
    return Ingest(
        publisher=publisher,
        frame=lambda raw: raw,
        coalescer=gathering,
        otlp=otlp,
        admission=Admission(Bounds(calls=9, bytes=90, message_bytes=10, waiting=9, receive_s=9.0), lambda: 0),
        streams=Streams(StreamBounds(streams=9, idle_s=9.0, age_s=9.0), lambda reason: None),
        limits=Limits(),
        legacy_zone=ZoneInfo("Asia/Seoul"),
        timeout_s=9.0,
        retry_after_ms=500,
        metrics=metrics,
    )


@pytest.mark.parametrize(
    "timestamp",
    [
        "9999-12-31 23:59:59:9999",
        "9999-12-31T23:59:59.999999-14:00",
        "2554-07-21T23:34:33.709552Z",
        "2554-07-22 08:34:33:7106",
        "0001-01-01 00:00:00:0000",
        "0001-01-01T00:00:00+14:00",
        "1969-12-31 23:59:59:9999",
        "1970-01-01T00:00:00Z",
        "2024-08-06T18:51:32+24:00",
        "2024-13-45 99:99:99:1234",
        "\x00",
    ],
)
def test_a_time_that_no_field_holds_leaves_the_record_and_its_text(timestamp: str) -> None:
    async def send() -> tuple[bytes, LogRecord]:
        coalescer = Coalescer()
        raw = LogRequest(node="a", message="kept", timestamp=timestamp).SerializeToString()
        answer = await ingest_with(coalescer, CollectorRegistry()).send_log(None, Context(raw))
        return answer, coalescer.records[0]

    answer, record = asyncio.run(send())
    assert LogResponse.FromString(answer).success
    assert (record.message, record.time_unix_nano) == ("kept", 0)
    assert timestamp in record.SerializeToString().decode("utf-8", "replace")


def test_the_last_time_that_a_field_holds_is_kept() -> None:
    async def send() -> LogRecord:
        coalescer = Coalescer()
        raw = LogRequest(node="a", timestamp="2554-07-21T23:34:33.709551Z").SerializeToString()
        await ingest_with(coalescer, CollectorRegistry()).send_log(None, Context(raw))
        return coalescer.records[0]

    assert asyncio.run(send()).time_unix_nano == 18_446_744_073_709_551_000


BATCH = LogBatch(batch_id=bytes(16), node="a", records=[LogRecord(message="a")]).SerializeToString()
CALLS: dict[str, tuple[Callable[[Ingest, Context], Coroutine[Any, Any, object]], bytes]] = {
    "SendLog": (lambda ingest, context: ingest.send_log(None, context), LogRequest(node="a").SerializeToString()),
    "Push": (lambda ingest, context: ingest.push(None, context), BATCH),
    "PushStream": (lambda ingest, context: ingest.push_stream(None, context), BATCH),
}


@pytest.mark.parametrize("method", CALLS)
def test_an_unexpected_error_is_counted_logged_and_not_disclosed(method: str, caplog: pytest.LogCaptureFixture) -> None:
    call, raw = CALLS[method]
    registry = CollectorRegistry()
    contexts = [Context(raw) for _ in range(3)]

    async def fail() -> None:
        ingest = ingest_with(Coalescer(RuntimeError(SECRET)), registry)
        for context in contexts:
            with pytest.raises(grpc.aio.AbortError):
                await call(ingest, context)

    with caplog.at_level(logging.ERROR):
        asyncio.run(fail())
    assert [context.ended for context in contexts] == [(grpc.StatusCode.INTERNAL, "internal error of the gateway")] * 3
    labels = {"method": method, "reason": "unexpected"}
    assert registry.get_sample_value("logstream_gateway_failed_calls_total", labels) == 3
    assert len(caplog.records) == 1
    assert SECRET in caplog.text


def test_a_call_without_a_message_gets_an_error() -> None:
    context = Context()

    async def call() -> None:
        with pytest.raises(grpc.aio.AbortError):
            await ingest_with(Coalescer(), CollectorRegistry()).push(None, context)

    asyncio.run(call())
    assert context.ended == (grpc.StatusCode.INVALID_ARGUMENT, "the call has no message")


class Reading(Context):
    """Notes what is reserved when its message is read."""

    def __init__(self, admission: Admission, message: bytes) -> None:
        super().__init__(message)
        self._admission = admission
        self.reserved_bytes = 0

    async def read(self) -> object:
        self.reserved_bytes = self._admission.reserved_bytes
        return await super().read()


class Otlp:
    max_bytes = 40

    async def publish(self, request: bytes) -> PublishedExport:
        return PublishedExport(1, [])


def test_slots_are_as_large_as_what_a_connection_sends() -> None:
    async def call() -> None:
        ingest = ingest_with(Coalescer(), CollectorRegistry())
        otlp: Any = Otlp()
        ingest._otlp = otlp

        async def reserved_bytes(call: Callable[[None, Context], Coroutine[Any, Any, object]], size: int) -> int:
            context = Reading(ingest._admission, bytes(size))
            with suppress(grpc.aio.AbortError):
                await call(None, context)
            assert ingest._admission.reserved_bytes == 0
            return context.reserved_bytes

        assert await reserved_bytes(ingest.push, 1) == 10
        # Of an Export nothing is known at first.
        assert [await reserved_bytes(ingest.export, size) for size in (10, 10, 11, 1, 1)] == [40, 10, 10, 40, 40]
        assert await reserved_bytes(ingest.push, 1) == 40

    asyncio.run(call())


def test_ending_a_stream_whose_window_is_full_ends_with_its_call() -> None:
    async def call() -> None:
        ingest = ingest_with(Coalescer(), CollectorRegistry())
        publisher: Any = Unconfirming()
        ingest._publisher = publisher
        serving = asyncio.ensure_future(ingest.push_stream(None, Context(*[BATCH] * 100)))
        while publisher.published < 34:
            await asyncio.sleep(0)
        ingest._streams.stop()
        await asyncio.sleep(0)
        assert len(ingest._ending) == 1
        serving.cancel()
        await asyncio.wait([serving])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not ingest._ending

    asyncio.run(call())
