"""Where a search looks: everywhere a record can be, once, in its order; and how it asks."""

from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter
from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.ranges import Range, common, merged, past
from logstream_query.search.plan import Plan
from logstream_query.unavailable import StatementTimeout

HOUR_US = 3_600_000_000
HOURS = st.integers(0, 40 * 24)
HOUR_LISTS = st.lists(HOURS, max_size=30).map(
    lambda hours: merged((hour * HOUR_US, (hour + 1) * HOUR_US - 1) for hour in hours)
)
ORDERS = st.sampled_from(get_args(Order))


class KnownSources:
    """Knows these ranges, or nothing; those who ask with no time get a time-out."""

    def __init__(self, possible: Sequence[Range] | None, minutes: Sequence[Range] | None) -> None:
        self.known = {"possible": possible, "minutes": minutes}
        self.calls: list[tuple[str, Range]] = []

    def _answer(self, name: str, within: Range, timeout_s: float) -> list[Range] | None:
        self.calls.append((name, within))
        if not timeout_s:
            raise StatementTimeout("no time")
        known = self.known[name]
        # Whole hours and minutes also reach over the ends of what was asked for.
        return None if known is None else [range_ for range_ in known if common([range_], [within])]

    def possible(self, filter_: Filter, within: Range, timeout_s: float) -> list[Range] | None:
        return self._answer("possible", within, timeout_s)

    def present_minutes(self, filter_: Filter, within: Range, timeout_s: float) -> list[Range] | None:
        return self._answer("minutes", within, timeout_s)


def parts(plan: Plan, order: Order, timeout_s: float = 1.0) -> list[Range]:
    """All ranges; each part must end behind its ranges and before the next ones."""
    seen: list[Range] = []
    ends: list[Position] = []
    while part := plan.next_part(timeout_s):
        for range_ in part.ranges:
            assert not ends or (past(range_, order) < ends[-1]) is (order == "desc")
        if part.ranges:
            behind = past(part.ranges[-1], order)
            assert part.end == behind or (part.end < behind) is (order == "desc")
        seen += part.ranges
        ends.append(part.end)
    return seen


@given(st.none() | HOUR_LISTS, st.none() | HOUR_LISTS, HOURS, HOURS, ORDERS)
def test_a_plan_goes_once_through_what_every_source_leaves(
    possible: list[Range] | None, minutes: list[Range] | None, first: int, second: int, order: Order
) -> None:
    whole = Range(min(first, second) * HOUR_US + 7, max(first, second) * HOUR_US + 9)
    plan = Plan(KnownSources(possible, minutes), filter_=Filter(), order=order, whole=whole)
    seen = parts(plan, order)
    expected = [whole]
    for known in (possible, minutes):
        expected = expected if known is None else common(known, expected)
    assert seen == sorted(seen, reverse=order == "desc")
    assert merged(seen) == merged(expected)
    assert sum(each.span_us for each in seen) == sum(each.span_us for each in expected)


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_nothing_is_left_out_when_the_sources_time_out(order: Order) -> None:
    whole = Range(5, 2_000 * HOUR_US)
    assert merged(parts(Plan(KnownSources([], []), filter_=Filter(), order=order, whole=whole), order, 0)) == [whole]


def test_what_is_far_away_is_asked_for_last_and_minutes_only_where_hours_leave_something() -> None:
    sources = KnownSources(merged([(0, HOUR_US - 1)]), None)
    plan = Plan(sources, filter_=Filter(), order="desc", whole=Range(0, 1_000 * HOUR_US))
    assert parts(plan, "desc") == [Range(0, HOUR_US - 1)]
    names = [name for name, _ in sources.calls]
    assert names == ["possible"] * 3 + ["minutes"]
    assert sources.calls[0][1] == Range(952 * HOUR_US + 1, 1_000 * HOUR_US)
    assert sources.calls[-1][1] == Range(0, HOUR_US - 1)
