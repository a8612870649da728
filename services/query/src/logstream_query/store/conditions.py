"""Filters as SQL conditions. Every value goes in as a parameter; columns and operators stand here. What a filter means is
said in logstream_contract.filters.matching.

Texts are lower-cased by the database on both sides of a comparison, by the collation that
logstream_contract.filters.lowercase is about and not by the database's own. Where texts are compared as they are, the
database's own collation will do: none that a database can have is other than byte by byte about equality and LIKE.
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
# What is lower-cased is compared byte by byte: that spares the database a look at the collation for every record.
_LOWERED: Final = sql.SQL('lower(%s::text COLLATE "pg_c_utf8") COLLATE "C"')
_LEVEL: Final = sql.SQL('lower(level COLLATE "pg_c_utf8") COLLATE "C"')
_MESSAGE: Final = sql.SQL('lower(message COLLATE "pg_c_utf8") COLLATE "C"')
# One that is none is refused when the statement is planned, even where there is no record to hold it against.
_REGEX: Final = sql.SQL('message COLLATE "pg_c_utf8" ~ %s::text')
# `logs` has no index by sequence alone: the batch's row tells between which times to look.
_OF_BATCH: Final = sql.SQL(
    "(time >= (SELECT time_from FROM batches WHERE number = %s) AND time <= (SELECT time_to FROM batches WHERE number = %s)"
    " AND sequence = ANY(%s::bigint[]))"
)

# Counted under no name of its own: what the counts hold beyond the names they keep of a time.
_OTHER_LEVEL: Final = sql.SQL("level = {}").format(sql.Literal(OTHER))
_OTHER_NODE: Final = sql.SQL("node = {}").format(sql.Literal(OTHER))


class InvalidRegex(Exception):
    """A regular expression that the database can't read; the text says what is wrong with it."""


class Conditions:
    """Collects conditions that must all hold, with their values."""

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
        # Most records have no attributes at all.
        conditions.add(sql.SQL("(attributes @> %s::jsonb) IS NOT TRUE"), _object(*pair))
    for term in filter_.text.included:
        conditions.add(_MESSAGE + sql.SQL(" LIKE ") + _LOWERED, _containing(term))
    for term in filter_.text.excluded:
        conditions.add(_MESSAGE + sql.SQL(" NOT LIKE ") + _LOWERED, _containing(term))
    if filter_.regex:
        conditions.add(_REGEX, filter_.regex)


def add_counted_filter(conditions: Conditions, filter_: Filter) -> None:
    """As add_filter, for the stored counts: of what they hold under no name of its own, all that may match is taken."""
    add_filter(conditions, replace(filter_, levels=(), level_contains="", nodes=()))
    for named in (Filter(levels=filter_.levels), Filter(level_contains=filter_.level_contains), Filter(nodes=filter_.nodes)):
        if named != Filter():
            names = Conditions()
            add_filter(names, named)
            others = _others(named)
            conditions.add(sql.SQL("({})").format(sql.SQL(" OR ").join([*names.parts, *others])), *names.values)


def unsure(filter_: Filter) -> sql.Composable | None:
    """Whether counts that add_counted_filter took may be of records that don't match; None: none ever are."""
    others = _others(filter_)
    return sql.SQL("({})").format(sql.SQL(" OR ").join(others)) if others else None


def _others(filter_: Filter) -> list[sql.Composed]:
    """Of a filter's names, the conditions for counts that may hold them unnamed."""
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
