"""Single records share a batch a node, and nobody who leaves early takes the others along."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from logstream_contract.wire.packing import Packer, unframe
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_gateway.coalescer import Coalescer


class Publishes:
    """Stands for the publisher: keeps the messages it is handed and confirms them on request."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.records: list[int] = []
        self.confirms: list[asyncio.Future[None]] = []
        self.error: Exception | None = None

    def __call__(self, body: bytes, records: int, received_unix_nano: int) -> asyncio.Future[None]:
        if self.error:
            raise self.error
        self.bodies.append(body)
        self.records.append(records)
        self.confirms.append(asyncio.get_running_loop().create_future())
        return self.confirms[-1]

    def batches(self) -> list[list[LogBatch]]:
        return [[LogBatch.FromString(framed.raw()) for framed in unframe(body)] for body in self.bodies]


def run(test: Callable[[Publishes], Awaitable[None]]) -> None:
    async def main() -> None:
        await test(Publishes())

    asyncio.run(main())


TIMEOUT_S = 60.0


class TimeIsOver(Exception):
    pass


def timeout_error() -> Exception:
    return TimeIsOver("late")


def coalescer_of(published: Publishes, *, window_s: float, max_records: int, max_bytes: int) -> Coalescer:
    return Coalescer(
        publish=published,
        frame=Packer(0).frame,
        timeout_error=timeout_error,
        window_s=window_s,
        max_records=max_records,
        max_bytes=max_bytes,
    )


def record(message: str) -> LogRecord:
    return LogRecord(message=message)


def test_records_of_a_window_share_one_message_with_a_batch_a_node() -> None:
    async def test(published: Publishes) -> None:
        coalescer = coalescer_of(published, window_s=0.01, max_records=100, max_bytes=1_000_000)
        waiters = [coalescer.add(node, record(message), 3, TIMEOUT_S) for node, message in ("a1", "b2", "a3")]
        while not published.bodies:
            await asyncio.sleep(0.005)
        (batches,) = published.batches()
        assert [(batch.node, [r.message for r in batch.records]) for batch in batches] == [("a", ["1", "3"]), ("b", ["2"])]
        assert published.records == [3]
        assert {len(batch.batch_id) for batch in batches} == {16}
        assert batches[0].batch_id != batches[1].batch_id
        assert not any(waiter.done() for waiter in waiters)
        published.confirms[0].set_result(None)
        await asyncio.gather(*waiters)

    run(test)


@pytest.mark.parametrize(("max_records", "max_bytes"), [(2, 1_000), (100, 6)])
def test_a_full_window_is_published_at_once(max_records: int, max_bytes: int) -> None:
    async def test(published: Publishes) -> None:
        coalescer = coalescer_of(published, window_s=60, max_records=max_records, max_bytes=max_bytes)
        coalescer.add("a", record("1"), 3, TIMEOUT_S)
        assert not published.bodies
        coalescer.add("a", record("2"), 3, TIMEOUT_S)
        assert published.records == [2]
        coalescer.add("a", record("3"), 3, TIMEOUT_S)
        assert published.records == [2]

    run(test)


def test_a_window_stays_open_while_an_earlier_message_is_unconfirmed() -> None:
    async def test(published: Publishes) -> None:
        coalescer = coalescer_of(published, window_s=60, max_records=100, max_bytes=1_000_000)
        coalescer.add("a", record("1"), 3, TIMEOUT_S)
        coalescer.flush()
        coalescer.add("a", record("2"), 3, TIMEOUT_S)
        coalescer._end_window()
        coalescer.add("a", record("3"), 3, TIMEOUT_S)
        assert published.records == [1]
        published.confirms[0].set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert published.records == [1, 2]

    run(test)


def test_a_window_does_not_stay_open_for_ever() -> None:
    async def test(published: Publishes) -> None:
        coalescer = coalescer_of(published, window_s=0.01, max_records=100, max_bytes=1_000_000)
        coalescer.add("a", record("1"), 3, TIMEOUT_S)
        coalescer.flush()
        coalescer.add("a", record("2"), 3, TIMEOUT_S)
        while len(published.bodies) < 2:
            await asyncio.sleep(0.005)
        assert not published.confirms[0].done()

    run(test)


def test_a_record_that_would_pass_the_size_begins_the_next_message() -> None:
    async def test(published: Publishes) -> None:
        coalescer = coalescer_of(published, window_s=60, max_records=100, max_bytes=10)
        coalescer.add("a", record("1"), 3, TIMEOUT_S)
        coalescer.add("a", record("2"), 9, TIMEOUT_S)
        assert published.records == [1]
        coalescer.flush()
        assert published.records == [1, 1]
        coalescer.flush()
        assert published.records == [1, 1]

    run(test)


def test_a_failed_publish_reaches_every_waiter() -> None:
    async def test(published: Publishes) -> None:
        coalescer = coalescer_of(published, window_s=60, max_records=100, max_bytes=1_000)
        later = coalescer.add("a", record("1"), 3, TIMEOUT_S)
        coalescer.flush()
        published.confirms[0].set_exception(RuntimeError("full"))
        with pytest.raises(RuntimeError, match="full"):
            await later
        published.error = RuntimeError("at once")
        refused = coalescer.add("a", record("2"), 3, TIMEOUT_S)
        coalescer.flush()
        with pytest.raises(RuntimeError, match="at once"):
            await refused

    run(test)


def test_a_waiter_who_leaves_takes_neither_its_record_nor_the_others_along() -> None:
    async def test(published: Publishes) -> None:
        coalescer = coalescer_of(published, window_s=60, max_records=100, max_bytes=1_000)
        leaving = coalescer.add("a", record("1"), 3, TIMEOUT_S)
        staying = coalescer.add("a", record("2"), 3, TIMEOUT_S)
        leaving.cancel()
        coalescer.flush()
        assert published.records == [2]
        published.confirms[0].set_result(None)
        await staying

    run(test)


def test_a_waiter_whose_time_is_over_gets_an_error_and_the_others_wait_on() -> None:
    async def test(published: Publishes) -> None:
        coalescer = coalescer_of(published, window_s=60, max_records=100, max_bytes=1_000)
        waiting = coalescer.add("a", record("1"), 3, TIMEOUT_S)
        expiring = coalescer.add("a", record("2"), 3, 0.01)
        with pytest.raises(TimeIsOver):
            await expiring
        coalescer.flush()
        expiring = coalescer.add("a", record("3"), 3, 0.01)
        coalescer.flush()
        with pytest.raises(TimeIsOver):
            await expiring
        assert not waiting.done()
        assert published.records == [2, 1]
        for confirm in published.confirms:
            confirm.set_result(None)
        await waiting

    run(test)
