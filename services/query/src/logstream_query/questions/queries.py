"""Reads query strings into queries for the store: resolves relative times and checks parameters against each other. Pure:
it looks at no clock and no database."""

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

from logstream_contract.filters.filters import Filter, Terms
from logstream_contract.filters.parameters import InvalidParameters
from logstream_contract.filters.query_string import ParameterProblem, parameter_problem

from logstream_query.questions.cursors import Cursor, Order, Position
from logstream_query.questions.moments import MAX_US, Moment
from logstream_query.questions.parameters import FilterParameters, HistoricalLogsParameters, LogsParameters

_NOT_BEFORE_START: Final = "a time that is not earlier than the start"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """One page: at most `limit` matching records that come after `after` in this order.

    requested_at_us: when the first page of the walk was requested, microseconds since the epoch. records_sent: on the
    previous pages.
    """

    filter: Filter
    order: Order
    after: Position | None
    limit: int
    requested_at_us: int
    records_sent: int


@dataclass(frozen=True, slots=True)
class HistoricalQuery:
    """A query of /historical-logs: newest first, after the record with this sequence."""

    filter: Filter
    after_sequence: int | None
    limit: int


def page_query(query_string: str, now_us: int) -> PageQuery:
    """The query of a request to /api/logs at the time now_us. Raises InvalidParameters, which names every problem."""
    parameters, problems = LogsParameters.read(query_string)
    cursor = parameters.cursor
    requested_at_us = cursor.requested_at_us if cursor else now_us
    filter_ = filter_of(parameters, requested_at_us, problems)
    check_order(parameters.order, cursor, problems)
    if problems:
        raise InvalidParameters(problems)
    return PageQuery(
        filter=filter_,
        order=cursor.order if cursor else parameters.order or "desc",
        after=cursor.position if cursor else None,
        limit=parameters.limit,
        requested_at_us=requested_at_us,
        records_sent=cursor.records_sent if cursor else 0,
    )


def check_order(order: Order | None, cursor: Cursor | None, problems: list[ParameterProblem]) -> None:
    """A cursor keeps its order: another one is added to the problems."""
    if cursor and order and order != cursor.order:
        problems.append(parameter_problem("order", order, f"{cursor.order} (the order of the cursor), or no order at all"))


def filter_of(parameters: FilterParameters, now_us: int, problems: list[ParameterProblem]) -> Filter:
    """The filter of these parameters, with relative times resolved. Contradictions between parameters are added to the
    problems."""
    start_us, end_us = _at(parameters.start, now_us), _at(parameters.end, now_us)
    if parameters.end and _is_backward(start_us, end_us):
        problems.append(parameter_problem("end", parameters.end.text, _NOT_BEFORE_START))
    return replace(
        parameters.record_filter(), start_us=start_us, end_us=end_us, sequences=parameters.sequence, regex=parameters.regex
    )


def historical_query(query_string: str, now_us: int, zone: tzinfo) -> HistoricalQuery:
    """The query of a request to /historical-logs. zone: of times without one. Raises InvalidParameters.

    In grpc-log-stream a range includes its end, and times are in milliseconds: the last millisecond counts as a whole.
    """
    parameters, problems = HistoricalLogsParameters.read(query_string, zone)
    start_us, end_us = _at(parameters.start_time, now_us), _at(parameters.end_time, now_us)
    if end_us is not None:
        end_us = min(MAX_US, (end_us // 1_000 + 1) * 1_000)
    if parameters.end_time and _is_backward(start_us, end_us):
        problems.append(parameter_problem("endTime", parameters.end_time.text, _NOT_BEFORE_START))
    if problems:
        raise InvalidParameters(problems)
    filter_ = Filter(
        start_us=start_us,
        end_us=end_us,
        level_contains=parameters.level,
        text=Terms((parameters.message,)) if parameters.message else Terms(),
    )
    return HistoricalQuery(filter_, parameters.sequence_number, parameters.limit)


def _at(moment: Moment | None, now_us: int) -> int | None:
    return None if moment is None else moment.at(now_us)


def _is_backward(start_us: int | None, end_us: int | None) -> bool:
    return start_us is not None and end_us is not None and end_us < start_us
