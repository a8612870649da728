"""How long deliveries are gathered, by a clock that only moves when somebody waits."""

import queue
import time

import pytest
from logstream_writer.broker.consumer import Consumer
from logstream_writer.delivery import Delivery
from logstream_writer.metrics import Metrics
from prometheus_client import CollectorRegistry

AGE_S = 0.05
PREFETCH = 10
MOST_BYTES = 100


class Arrivals:
    """A queue that hands out deliveries at their times, and the clock of both."""

    def __init__(self, *at_s: float, records: int, size: int = 1) -> None:
        self.now_s = 0.0
        self._due = [
            (
                moment,
                Delivery(
                    tag=tag,
                    channel_number=0,
                    body=b"",
                    received_unix_nano=1,
                    records=records,
                    project="default",
                    unpacked_bytes=size,
                ),
            )
            for tag, moment in enumerate(at_s)
        ]

    def get(self, timeout: float | None = None) -> Delivery:
        due_s = self._due[0][0] if self._due else float("inf")
        until_s = due_s if timeout is None else self.now_s + timeout
        if due_s > until_s:
            self.now_s = until_s
            raise queue.Empty
        self.now_s = max(self.now_s, due_s)
        return self._due.pop(0)[1]

    def get_nowait(self) -> Delivery:
        return self.get(0.0)


def consumer(monkeypatch: pytest.MonkeyPatch, arrivals: Arrivals) -> Consumer:
    under_test = Consumer("amqp://localhost", PREFETCH, Metrics(CollectorRegistry()))
    monkeypatch.setattr(under_test, "_deliveries", arrivals)
    monkeypatch.setattr(time, "monotonic", lambda: arrivals.now_s)
    return under_test


def gathered(monkeypatch: pytest.MonkeyPatch, arrivals: Arrivals, max_records: int) -> tuple[int, float]:
    """How many deliveries a flush has, and when it begins."""
    under_test = consumer(monkeypatch, arrivals)
    return len(under_test.take(max_records, MOST_BYTES, AGE_S)), round(arrivals.now_s, 3)


def test_a_trickle_is_flushed_when_its_first_is_old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gathered(monkeypatch, Arrivals(0.0, 0.01, 0.06, records=10), 100) == (2, 0.05)


def test_what_the_broker_does_not_hand_out_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gathered(monkeypatch, Arrivals(*[0.001] * PREFETCH, records=1), 100) == (PREFETCH, 0.001)


def test_a_full_flush_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gathered(monkeypatch, Arrivals(0.0, 0.0, 0.0, records=50), 100) == (2, 0.0)


def test_a_flush_ends_by_bytes_and_what_is_too_much_begins_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    under_test = consumer(monkeypatch, Arrivals(*[0.0] * 5, records=1, size=40))
    taken = [[delivery.tag for delivery in under_test.take(100, MOST_BYTES, AGE_S)] for _ in range(3)]
    assert taken == [[0, 1], [2, 3], [4]]


def test_one_that_is_larger_than_a_flush_may_be_is_one_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    under_test = consumer(monkeypatch, Arrivals(0.0, 0.0, records=1, size=MOST_BYTES + 1))
    assert [len(under_test.take(100, MOST_BYTES, AGE_S)) for _ in range(2)] == [1, 1]
