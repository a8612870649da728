"""SQL for the questions, composed but not executed. Every value goes in as a parameter; columns and operators stand here.

Texts are lower-cased by the database on both sides of a comparison, so that one lower-casing (the simple one of C.UTF-8)
decides what is the same.
"""

import re
from dataclasses import dataclass
from typing import Final

from logstream_contract.filters import Filter
from psycopg import sql

from logstream_query.cursors import Order, Position
from logstream_query.moments import as_datetime

# The order of the columns is that of logstream_query.store.StoredRecord.
_SELECT: Final = sql.SQL("SELECT sequence, time, severity, level, node, message, attributes FROM logs")
_ORDER_BY: Final = {
    "desc": sql.SQL(" ORDER BY time DESC, sequence DESC"),
    "asc": sql.SQL(" ORDER BY time, sequence"),
}
# The comparison of times alone is implied; TimescaleDB leaves out chunks by it, and not by the comparison of pairs.
_AFTER: Final = {
    "desc": sql.SQL("time <= %s AND (time, sequence) < (%s, %s)"),
    "asc": sql.SQL("time >= %s AND (time, sequence) > (%s, %s)"),
}
_LIKE_SPECIAL: Final = re.compile(r"[\\%_]")


@dataclass(frozen=True, slots=True)
class Statement:
    """A query and the values of its placeholders, in order."""

    query: sql.Composed
    values: tuple[object, ...]


def page(wanted: Filter, order: Order, after: Position | None, limit: int) -> Statement:
    """The first `limit` matching records after a position (or from the end of the order)."""
    conditions = _Conditions()
    if after is not None:
        time = as_datetime(after.time_us)
        conditions.add(_AFTER[order], time, time, after.sequence)
    _add_filter(conditions, wanted)
    return Statement(_SELECT + conditions.where() + _ORDER_BY[order] + sql.SQL(" LIMIT %s"), (*conditions.values, limit))


def batch_times(number: int) -> Statement:
    """The first and the last record time of the batch of this number."""
    return Statement(sql.Composed([sql.SQL("SELECT time_from, time_to FROM batches WHERE number = %s")]), (number,))


def record_time(sequence: int, from_us: int, to_us: int) -> Statement:
    """The time of the record of this sequence, looked for from from_us to to_us, both included."""
    query = sql.SQL("SELECT time FROM logs WHERE time >= %s AND time <= %s AND sequence = %s LIMIT 1")
    return Statement(sql.Composed([query]), (as_datetime(from_us), as_datetime(to_us), sequence))


class _Conditions:
    """Collects conditions that must all hold, with their values."""

    def __init__(self) -> None:
        self.parts: list[sql.Composable] = []
        self.values: list[object] = []

    def add(self, part: sql.Composable, *values: object) -> None:
        self.parts.append(part)
        self.values += values

    def where(self) -> sql.Composable:
        return sql.SQL(" WHERE ") + sql.SQL(" AND ").join(self.parts) if self.parts else sql.SQL("")


def _add_filter(conditions: _Conditions, wanted: Filter) -> None:
    if wanted.start_us is not None:
        conditions.add(sql.SQL("time >= %s"), as_datetime(wanted.start_us))
    if wanted.end_us is not None:
        conditions.add(sql.SQL("time < %s"), as_datetime(wanted.end_us))
    if wanted.min_severity is not None:
        conditions.add(sql.SQL("severity >= %s"), wanted.min_severity)
    if wanted.levels:
        lowered = sql.SQL(", ").join([sql.SQL("lower(%s::text)")] * len(wanted.levels))
        conditions.add(sql.SQL("lower(level) IN ({})").format(lowered), *wanted.levels)
    if wanted.level_contains:
        conditions.add(sql.SQL("lower(level) LIKE lower(%s::text)"), _containing(wanted.level_contains))
    if wanted.nodes:
        _add_nodes(conditions, wanted.nodes)
    for term in wanted.text.included:
        conditions.add(sql.SQL("lower(message) LIKE lower(%s::text)"), _containing(term))
    for term in wanted.text.excluded:
        conditions.add(sql.SQL("lower(message) NOT LIKE lower(%s::text)"), _containing(term))


def _add_nodes(conditions: _Conditions, nodes: tuple[str, ...]) -> None:
    names = [name for name in nodes if "*" not in name]
    patterns = ["%".join(map(_literal, name.split("*"))) for name in nodes if "*" in name]
    if not patterns:
        conditions.add(sql.SQL("node = ANY(%s::text[])"), names)
    elif not names:
        conditions.add(sql.SQL("node LIKE ANY(%s::text[])"), patterns)
    else:
        conditions.add(sql.SQL("(node = ANY(%s::text[]) OR node LIKE ANY(%s::text[]))"), names, patterns)


def _containing(text: str) -> str:
    return f"%{_literal(text)}%"


def _literal(text: str) -> str:
    r"""For LIKE, whose escape is \ unless said otherwise."""
    return _LIKE_SPECIAL.sub(r"\\\g<0>", text)
