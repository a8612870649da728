"""Cursors come back as they went out, and nothing else is taken for one."""

import base64
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_query.questions.cursors import MAX_SEQUENCE, Cursor, Order, Position, read_cursor
from logstream_query.questions.moments import INFINITE_US, MAX_US

TIMES = st.integers(0, MAX_US)
CURSORS = st.builds(
    Cursor,
    order=st.sampled_from(get_args(Order)),
    requested_at_us=TIMES,
    position=st.builds(Position, st.integers(-(2**63) + 1, 2**63 - 2) | st.just(INFINITE_US), st.integers(0, MAX_SEQUENCE)),
    records_sent=st.integers(0, 2**40),
)


@given(CURSORS)
def test_round_trip(cursor: Cursor) -> None:
    text = cursor.encode()
    assert read_cursor(text) == cursor
    assert text.isascii()
    assert not set(text) & set("+/=&?%")


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_else_is_a_cursor_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        cursor = read_cursor(text)
        assert 0 <= cursor.requested_at_us <= MAX_US
        assert cursor.position.sequence >= 0


def _raw(
    version: int = 2, order: int = 0, requested: int = 1, time: int = 2, sequence: int = 3, records_sent: int = 4
) -> bytes:
    numbers = b"".join(number.to_bytes(8, "big", signed=True) for number in (requested, time, sequence, records_sent))
    return bytes([version, order]) + numbers


def test_the_form_is_this() -> None:
    assert read_cursor(base64.urlsafe_b64encode(_raw()).decode()) == Cursor(
        order="desc", requested_at_us=1, position=Position(2, 3), records_sent=4
    )


@pytest.mark.parametrize(
    "raw",
    [
        _raw(version=1),
        _raw(version=1)[:-8],
        _raw(version=3),
        _raw(order=2),
        _raw(requested=-1),
        _raw(requested=MAX_US + 1),
        _raw(sequence=-1),
        _raw(records_sent=-1),
        _raw() + b"x",
        _raw()[:-1],
        b"",
    ],
)
def test_values_out_of_range_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="next_cursor"):
        read_cursor(base64.urlsafe_b64encode(raw).decode())
