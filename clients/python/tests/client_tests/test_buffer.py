"""The buffer's bounds, order and accounting."""

import threading

import pytest
from logstream_client.buffer import Buffer
from logstream_client.encoding import RECORDS_BYTES
from logstream_client.settings import Settings


def test_records_leave_in_order_and_count_until_settled() -> None:
    buffer = Buffer(Settings(flush_records=2, flush_age_s=60))
    assert buffer.put(b"a")
    assert buffer.put(b"b")
    taken = buffer.take()
    assert taken is not None
    assert taken.records == [b"a", b"b"]
    assert buffer.stats().records_buffered == 2
    buffer.settle(taken, "delivered")
    assert buffer.stats().records_buffered == 0
    assert buffer.stats().records_delivered == 2


def test_full_by_records_drops_the_newest_and_counts_it() -> None:
    buffer = Buffer(Settings(buffer_records=2))
    assert [buffer.put(record) for record in (b"a", b"b", b"c")] == [True, True, False]
    taken = buffer.take()
    assert taken is not None
    assert taken.records == [b"a", b"b"]
    assert buffer.stats().dropped_by_reason == {"full": 1}


def test_full_by_bytes_counts_what_is_on_its_way_too() -> None:
    buffer = Buffer(Settings(buffer_bytes=10, flush_bytes=1))
    assert buffer.put(b"123456")
    taken = buffer.take()
    assert taken is not None
    assert not buffer.put(b"12345")
    buffer.settle(taken, "delivered")
    assert buffer.put(b"12345")


def test_record_that_no_batch_can_hold_is_dropped() -> None:
    buffer = Buffer(Settings())
    assert not buffer.put(b"x" * (RECORDS_BYTES + 1))
    assert buffer.stats().dropped_by_reason == {"too_large": 1}


def test_batches_split_at_5000_records() -> None:
    buffer = Buffer(Settings(flush_age_s=0))
    for _ in range(5_001):
        buffer.put(b"r")
    sizes = []
    for _ in range(2):
        taken = buffer.take()
        assert taken is not None
        sizes.append(len(taken.records))
    assert sizes == [5_000, 1]


def test_batches_split_below_4_mib() -> None:
    buffer = Buffer(Settings(flush_age_s=0))
    for _ in range(3):
        buffer.put(b"r" * (RECORDS_BYTES // 2))
    first = buffer.take()
    second = buffer.take()
    assert first is not None
    assert second is not None
    assert (len(first.records), len(second.records)) == (2, 1)


def test_blocking_put_waits_for_room() -> None:
    buffer = Buffer(Settings(buffer_records=1, when_full="block", flush_age_s=60))
    buffer.put(b"a")
    outcome: list[bool] = []
    thread = threading.Thread(target=lambda: outcome.append(buffer.put(b"b")), daemon=True)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    taken = buffer.take()
    assert taken is not None
    buffer.settle(taken, "delivered")
    thread.join(10)
    assert outcome == [True]


def test_close_frees_a_blocked_put_and_counts_its_record() -> None:
    buffer = Buffer(Settings(buffer_records=1, when_full="block"))
    buffer.put(b"a")
    outcome: list[bool] = []
    thread = threading.Thread(target=lambda: outcome.append(buffer.put(b"b")), daemon=True)
    thread.start()
    thread.join(0.1)
    buffer.close()
    thread.join(10)
    assert outcome == [False]
    assert buffer.stats().dropped_by_reason == {"closed": 1}


def test_closed_buffer_gives_out_what_it_holds_and_then_ends() -> None:
    buffer = Buffer(Settings(flush_age_s=60))
    buffer.put(b"a")
    buffer.close()
    taken = buffer.take()
    assert taken is not None
    assert taken.records == [b"a"]
    assert buffer.take() is None


def test_waiting_for_settlement_makes_records_due() -> None:
    buffer = Buffer(Settings(flush_age_s=3600))
    buffer.put(b"a")
    assert not buffer.wait_settled(0)
    taken = buffer.take()
    assert taken is not None
    buffer.settle(taken, "rejected")
    assert buffer.wait_settled(0)
    assert buffer.stats().records_rejected == 1


def test_drops_are_reported_once_for_each_use() -> None:
    buffer = Buffer(Settings(buffer_records=1))
    for _ in range(3):
        buffer.put(b"a")
    assert buffer.new_drops("event") == {"full": 2}
    assert buffer.new_drops("event") == {}
    assert buffer.new_drops("log_record") == {"full": 2}
    buffer.put(b"a")
    assert buffer.new_drops("event", min_pause_s=3600) == {}
    assert buffer.new_drops("event") == {"full": 1}


def test_settings_name_every_bad_value() -> None:
    with pytest.raises(ValueError, match=r"flush_records: 5001, expected 1 to 5000; .*when_full: 'wait', expected"):
        Settings(flush_records=5_001, buffer_records=0, when_full="wait")  # type: ignore[arg-type]
