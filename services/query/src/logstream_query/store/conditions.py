"""Filters as SQL conditions. Every value is a parameter; columns and operators are constants here.
logstream_contract.filters.matching defines the meaning of a filter.

The database lower-cases texts on both sides of a comparison, by the collation that logstream_contract.filters.lowercase
describes and not by the database's own. Where texts are compared unchanged, the database's own collation is enough: every
collation that a database can have compares byte by byte for equality and LIKE.
"""

import re
from collections import defaultdict
from dataclasses import replace
from typing import Final

import orjson
from logstream_contract.counted_names import OTHER, is_known_level
from logstream_contract.filters.filters import Filter
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS
from psycopg import sql

from logstream_query.questions.moments import as_datetime

_LIKE_SPECIAL: Final = re.compile(r"[\\%_]")
# Lower-cased texts are compared byte by byte, so that the database need not consult the collation for every record.
_LOWERED: Final = sql.SQL('lower(%s::text COLLATE "pg_c_utf8") COLLATE "C"')
_LEVEL: Final = sql.SQL('lower(level COLLATE "pg_c_utf8") COLLATE "C"')
_MESSAGE: Final = sql.SQL('lower(message COLLATE "pg_c_utf8") COLLATE "C"')
# An invalid one is refused when the statement is planned, even if there is no record to compare.
_REGEX: Final = sql.SQL('message COLLATE "pg_c_utf8" ~ %s::text')
# `logs` has no index by sequence alone: the batch's row has the times to search between.
_OF_BATCH: Final = sql.SQL(
    "(time >= (SELECT time_from FROM batches WHERE number = %s) AND time <= (SELECT time_to FROM batches WHERE number = %s)"
    " AND sequence = ANY(%s::bigint[]))"
)

# The names under which records are counted whose own names the counts do not keep.
_OTHER_LEVEL: Final = sql.SQL("level = {}").format(sql.Literal(OTHER))
_OTHER_NODE: Final = sql.SQL("node = {}").format(sql.Literal(OTHER))


class InvalidRegex(Exception):
    """A regular expression that the database cannot read; the text says what is wrong with it."""


class Conditions:
    """Collects conditions that must all be true, with their values."""

    def __init__(self) -> None:
        self.parts: list[sql.Composable] = []
        self.values: list[object] = []

    def add(self, part: sql.Composable, *values: object) -> None:
        self.parts.append(part)
        self.values += values

    def where(self) -> sql.Composable:
        return sql.SQL(" WHERE ") + sql.SQL(" AND ").join(self.parts) if self.parts else sql.SQL("")


def add_filter(conditions: Conditions, filter_: Filter) -> None:
    if filter_.start_us is not None:
        conditions.add(sql.SQL("time >= %s"), as_datetime(filter_.start_us))
    if filter_.end_us is not None:
        conditions.add(sql.SQL("time < %s"), as_datetime(filter_.end_us))
    if filter_.sequences:
        _add_sequences(conditions, filter_.sequences)
    if filter_.min_severity is not None:
        conditions.add(sql.SQL("severity >= %s"), filter_.min_severity)
    if filter_.levels:
        lowered = sql.SQL(", ").join([_LOWERED] * len(filter_.levels))
        conditions.add(_LEVEL + sql.SQL(" IN (") + lowered + sql.SQL(")"), *filter_.levels)
    if filter_.level_contains:
        conditions.add(_LEVEL + sql.SQL(" LIKE ") + _LOWERED, _containing(filter_.level_contains))
    if filter_.nodes:
        _add_nodes(conditions, filter_.nodes)
    for pair in filter_.attributes:
        conditions.add(sql.SQL("attributes @> %s::jsonb"), _object(*pair))
    for pair in filter_.not_attributes:
        # IS NOT TRUE, because most records have no attributes at all.
        conditions.add(sql.SQL("(attributes @> %s::jsonb) IS NOT TRUE"), _object(*pair))
    for term in filter_.text.included:
        conditions.add(_MESSAGE + sql.SQL(" LIKE ") + _LOWERED, _containing(term))
    for term in filter_.text.excluded:
        conditions.add(_MESSAGE + sql.SQL(" NOT LIKE ") + _LOWERED, _containing(term))
    if filter_.regex:
        conditions.add(_REGEX, filter_.regex)


def add_counted_filter(conditions: Conditions, filter_: Filter) -> None:
    """Like add_filter, for the stored counts: unnamed counts are included if they may match."""
    add_filter(conditions, replace(filter_, levels=(), level_contains="", nodes=()))
    for named in (Filter(levels=filter_.levels), Filter(level_contains=filter_.level_contains), Filter(nodes=filter_.nodes)):
        if named != Filter():
            names = Conditions()
            add_filter(names, named)
            others = _others(named)
            conditions.add(sql.SQL("({})").format(sql.SQL(" OR ").join([*names.parts, *others])), *names.values)


def unsure(filter_: Filter) -> sql.Composable | None:
    """The condition for counts that add_counted_filter includes and that may be of records that do not match; None: there
    are none."""
    others = _others(filter_)
    return sql.SQL("({})").format(sql.SQL(" OR ").join(others)) if others else None


def _others(filter_: Filter) -> list[sql.Composed]:
    """The conditions for counts that may hold records with the filter's names without naming them."""
    others = []
    if filter_.level_contains or not all(map(is_known_level, filter_.levels)):
        others.append(_OTHER_LEVEL)
    if filter_.nodes:
        others.append(_OTHER_NODE)
    return others


def _add_sequences(conditions: Conditions, sequences: tuple[int, ...]) -> None:
    batches: defaultdict[int, list[int]] = defaultdict(list)
    for sequence in sequences:
        batches[sequence >> SEQUENCE_INDEX_BITS].append(sequence)
    values = [value for number, those in batches.items() for value in (number, number, those)]
    conditions.add(sql.SQL("({})").format(sql.SQL(" OR ").join([_OF_BATCH] * len(batches))), *values)


def _add_nodes(conditions: Conditions, nodes: tuple[str, ...]) -> None:
    names = [name for name in nodes if "*" not in name]
    patterns = ["%".join(map(_literal, name.split("*"))) for name in nodes if "*" in name]
    if not patterns:
        conditions.add(sql.SQL("node = ANY(%s::text[])"), names)
    elif not names:
        conditions.add(sql.SQL("node LIKE ANY(%s::text[])"), patterns)
    else:
        conditions.add(sql.SQL("(node = ANY(%s::text[]) OR node LIKE ANY(%s::text[]))"), names, patterns)


def _object(key: str, value: str) -> str:
    """The JSON object of one attribute."""
    return orjson.dumps({key: value}).decode()


def _containing(text: str) -> str:
    return f"%{_literal(text)}%"


def _literal(text: str) -> str:
    r"""For LIKE, whose escape is \ unless said otherwise."""
    return _LIKE_SPECIAL.sub(r"\\\g<0>", text)
