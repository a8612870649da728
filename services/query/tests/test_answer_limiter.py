"""All answers of a process together: turns for making them, and the bytes of those that were made."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.search.answer_limiter import SMALL_BYTES, AnswerLimiter, AnswerLimits
from logstream_query.unavailable import TooManyAnswers
from prometheus_client import CollectorRegistry

MIB = 1024 * 1024
BeginLarge = Callable[[], None]


def answer_limiter(registry: CollectorRegistry | None = None, **limits: float) -> AnswerLimiter:
    defaults = AnswerLimits.from_config(Config(database_url="postgresql://"))
    return AnswerLimiter(Metrics(registry or CollectorRegistry()), replace(defaults, **limits))  # type: ignore[arg-type]


def test_bytes_past_the_most_are_refused_until_others_are_taken() -> None:
    registry = CollectorRegistry()
    held = answer_limiter(registry, held_bytes=12 * MIB)
    releases = [held.hold(MIB) for _ in range(10)]
    with pytest.raises(TooManyAnswers, match="still waiting to be read"):
        held.hold(MIB)
    assert registry.get_sample_value("logstream_query_held_bytes") == 10 * MIB
    for release in releases:
        release()
        release()
    assert registry.get_sample_value("logstream_query_held_bytes") == 0
    held.hold(10 * MIB)


def test_large_answers_leave_room_for_small_ones() -> None:
    held = answer_limiter(held_bytes=12 * MIB)
    held.hold(10 * MIB)
    for _ in range(8):
        held.hold(SMALL_BYTES)
    with pytest.raises(TooManyAnswers):
        held.hold(SMALL_BYTES)


def test_an_answer_larger_than_everything_is_given_alone() -> None:
    held = answer_limiter(held_bytes=MIB)
    release = held.hold(5 * MIB)
    with pytest.raises(TooManyAnswers):
        held.hold(1)
    release()
    held.hold(1)


def test_no_more_than_so_many_are_made_at_a_time() -> None:
    making = answer_limiter(making=1, wait_s=0.01)

    def another(_: BeginLarge) -> None:
        with pytest.raises(TooManyAnswers, match="1 responses are already being prepared"):
            making.make(lambda _: None)

    making.make(another)
    assert making.make(lambda _: 7) == 7


def test_who_waits_to_read_large_records_keeps_no_turn_of_others() -> None:
    making = answer_limiter(making=2, large=1, wait_s=60.0)
    is_first_large, is_second_waiting, may_end = threading.Event(), threading.Event(), threading.Event()

    def first(begin_large: BeginLarge) -> str:
        begin_large()
        begin_large()
        is_first_large.set()
        assert may_end.wait(60)
        return "first"

    tries = []

    def second(begin_large: BeginLarge) -> str:
        tries.append("tried")
        try:
            begin_large()
        finally:
            is_second_waiting.set()
        return "second"

    with ThreadPoolExecutor() as pool:
        one = pool.submit(making.make, first)
        assert is_first_large.wait(60)
        other = pool.submit(making.make, second)
        assert is_second_waiting.wait(60)
        assert making.make(lambda _: "small") == "small"
        may_end.set()
        assert (one.result(), other.result()) == ("first", "second")
    assert tries == ["tried", "tried"]
    making.make(lambda begin_large: begin_large())


def test_turns_come_back_after_an_error() -> None:
    making = answer_limiter(making=1, large=1, wait_s=0.01)

    def fail(begin_large: BeginLarge) -> None:
        begin_large()
        raise RuntimeError("bug")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            making.make(fail)
