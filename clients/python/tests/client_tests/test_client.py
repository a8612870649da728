"""What the client does when the gateway refuses, is away, is slow, or answers nothing."""

import threading
import time
from collections.abc import Callable

import pytest
from logstream_client import Client, Dropped, Event, Rejected, Settings, Unreachable

from .fake_gateway import FakeGateway, Refusal


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for a condition, generously."""
    end_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_at, "waited 30 s in vain"
        time.sleep(0.01)


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"])
def test_retry_sends_the_same_bytes(gateway: FakeGateway, status: str) -> None:
    gateway.refusals.extend([Refusal(status, "not now"), Refusal(status, "not yet")])
    with Client(gateway.target, "orders", Settings(backoff_first_s=0.01)) as client:
        client.log("kept")
        assert client.flush(30)
        assert client.stats().records_delivered == 1
    assert len(gateway.attempts) == 3
    assert len(set(gateway.attempts)) == 1


def test_retry_waits_as_long_as_the_gateway_asks(gateway: FakeGateway) -> None:
    gateway.refusals.append(Refusal("UNAVAILABLE", "broker away", retry_after_s=0.7))
    with Client(gateway.target, "orders", Settings(backoff_first_s=0.001)) as client:
        client.log("kept")
        wait_until(lambda: len(gateway.attempts) == 1)
        refused_at = time.monotonic()
        assert client.flush(30)
        assert time.monotonic() - refused_at > 0.6


def test_busy_gateway_is_asked_again_but_not_with_what_it_can_not_take(gateway: FakeGateway) -> None:
    gateway.refusals.extend(Refusal("RESOURCE_EXHAUSTED", "Concurrent RPC limit exceeded!") for _ in range(12))
    settings = Settings(on_event=lambda _: None, backoff_first_s=0.001, backoff_most_s=0.001)
    with Client(gateway.target, "orders", settings) as client:
        client.log("kept")
        assert client.flush(30)
        gateway.refusals.append(Refusal("RESOURCE_EXHAUSTED", "Received message larger than max (9 vs. 8)"))
        client.log("refused")
        assert client.flush(30)
        assert (client.stats().records_delivered, client.stats().records_rejected) == (1, 1)


def test_invalid_batch_is_sent_once_counted_and_reported(gateway: FakeGateway) -> None:
    gateway.refusals.append(Refusal("INVALID_ARGUMENT", "records: 0 in the batch"))
    events: list[Event] = []
    with Client(gateway.target, "orders", Settings(on_event=events.append)) as client:
        client.log("refused")
        assert client.flush(30)
        client.log("taken")
        assert client.flush(30)
        assert (client.stats().records_rejected, client.stats().records_delivered) == (1, 1)
    assert events == [Rejected(1, "INVALID_ARGUMENT", "records: 0 in the batch")]
    assert [record.message for record in gateway.records] == ["taken"]
    assert len(gateway.attempts) == 2


def test_batch_the_gateway_fails_on_does_not_hold_up_the_rest_for_ever(gateway: FakeGateway) -> None:
    gateway.refusals.extend(Refusal("UNKNOWN", "bug") for _ in range(10))
    settings = Settings(on_event=lambda _: None, backoff_first_s=0.001, backoff_most_s=0.001)
    with Client(gateway.target, "orders", settings) as client:
        client.log("poison")
        assert client.flush(30)
        client.log("good")
        assert client.flush(30)
        assert client.stats().records_rejected == 1
    assert [record.message for record in gateway.records] == ["good"]


def test_records_logged_before_the_gateway_is_up_are_delivered(absent_gateway: FakeGateway) -> None:
    events: list[Event] = []
    with Client(absent_gateway.target, "orders", Settings(on_event=events.append)) as client:
        client.log("early")
        wait_until(lambda: bool(events))
        absent_gateway.start()
        assert client.flush(30)
    assert [record.message for record in absent_gateway.records] == ["early"]
    assert len(events) == 1
    assert isinstance(events[0], Unreachable)
    assert (events[0].target, events[0].status) == (absent_gateway.target, "UNAVAILABLE")


def test_unanswered_attempt_is_repeated_on_a_new_connection(gateway: FakeGateway) -> None:
    gateway.released.clear()
    with Client(gateway.target, "orders", Settings(attempt_timeout_s=0.2, on_event=lambda _: None)) as client:
        client.log("kept")
        wait_until(lambda: len(gateway.attempts) >= 2)
        gateway.released.set()
        assert client.flush(30)
    assert len(set(gateway.attempts)) == 1
    assert len(gateway.peers) >= 2


def test_full_buffer_drops_without_blocking_counts_and_announces(gateway: FakeGateway) -> None:
    gateway.released.clear()
    events: list[Event] = []
    settings = Settings(buffer_records=10, on_event=events.append)
    with Client(gateway.target, "orders", settings) as client:
        kept = [client.log(f"message {index}") for index in range(25)]
        assert kept == [True] * 10 + [False] * 15
        gateway.released.set()
        assert client.flush(30)
        assert client.stats().records_delivered == 10
        assert client.stats().dropped_by_reason == {"full": 15}
        assert client.stats().records_dropped == 15
    assert all(isinstance(event, Dropped) and event.reason == "full" for event in events)
    assert sum(event.records for event in events if isinstance(event, Dropped)) == 15
    # Who reads the log learns of the hole from the log.
    reports = [record for record in gateway.records if "logstream.records_dropped" in record.attributes]
    assert [(record.level, record.attributes["logstream.records_dropped"]) for record in reports] == [("warn", "15")]


def test_blocking_client_loses_nothing(gateway: FakeGateway) -> None:
    settings = Settings(buffer_records=10, flush_records=5, when_full="block")
    with Client(gateway.target, "orders", settings) as client:
        assert all(client.log(f"message {index}") for index in range(200))
        assert client.flush(30)
    assert [record.message for record in gateway.records] == [f"message {index}" for index in range(200)]


def test_close_delivers_what_is_buffered(gateway: FakeGateway) -> None:
    client = Client(gateway.target, "orders", Settings(flush_age_s=3600))
    client.log("last words")
    assert client.close()
    assert [record.message for record in gateway.records] == ["last words"]
    assert not client.log("too late")
    assert client.stats().dropped_by_reason == {"closed": 1}
    assert client.close()


def test_close_gives_up_in_time_and_says_what_was_lost(absent_gateway: FakeGateway) -> None:
    events: list[Event] = []
    client = Client(absent_gateway.target, "orders", Settings(on_event=events.append))
    client.log("lost")
    assert not client.close(0.5)
    assert client.stats().dropped_by_reason == {"undelivered": 1}
    assert client.stats().records_buffered == 0
    assert events[-1] == Dropped(1, "undelivered")


def test_close_ends_an_attempt_under_way(gateway: FakeGateway) -> None:
    gateway.released.clear()
    client = Client(gateway.target, "orders", Settings(attempt_timeout_s=600, on_event=lambda _: None))
    client.log("unanswered")
    wait_until(lambda: bool(gateway.attempts))
    assert not client.close(0.2)
    assert client.stats().dropped_by_reason == {"undelivered": 1}


def test_close_tries_once_more_although_a_retry_is_far_off(absent_gateway: FakeGateway) -> None:
    settings = Settings(backoff_first_s=3600, backoff_most_s=3600, on_event=lambda _: None)
    client = Client(absent_gateway.target, "orders", settings)
    client.log("late but there")
    assert not client.flush(0.5)
    absent_gateway.start()
    assert client.close(10)
    assert [record.message for record in absent_gateway.records] == ["late but there"]


def test_failing_listener_stops_neither_side(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(event: Event) -> None:
        raise RuntimeError(f"listener of {type(event).__name__}")

    gateway.refusals.append(Refusal("INVALID_ARGUMENT", "no"))
    with Client(gateway.target, "orders", Settings(on_event=fail)) as client:
        client.log("refused")
        assert client.flush(30)
        client.log("taken")
        assert client.flush(30)
        assert client.stats().records_delivered == 1
    assert "listener of Rejected" in capsys.readouterr().err


def test_default_listener_reports_a_rejection_once(gateway: FakeGateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.refusals.extend(Refusal("INVALID_ARGUMENT", f"reason {index}") for index in range(2))
    with Client(gateway.target, "orders") as client:
        for _ in range(2):
            client.log("refused")
            assert client.flush(30)
    printed = capsys.readouterr().err
    assert "1 records rejected (reported once): INVALID_ARGUMENT: reason 0" in printed
    assert "reason 1" not in printed


def test_last_records_are_sent_when_no_thread_can_be_started(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        # The fake gateway lives in this process too and must go on.
        if thread.name == "logstream-client":
            raise RuntimeError("can't create new thread at interpreter shutdown")
        start(thread)

    client = Client(gateway.target, "orders", Settings(flush_age_s=0))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        client.log("flushed")
        assert client.flush(30)
        client.log("closed")
        assert client.close()
    assert [record.message for record in gateway.records] == ["flushed", "closed"]
