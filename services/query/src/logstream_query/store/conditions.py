"""Filters as SQL conditions. Every value goes in as a parameter; columns and operators stand here.

Texts are lower-cased by the database on both sides of a comparison, so that one lower-casing (the simple one of C.UTF-8)
decides what is the same.
"""

import re
from typing import Final

from logstream_contract.filters import Filter
from psycopg import sql

from logstream_query.moments import as_datetime

_LIKE_SPECIAL: Final = re.compile(r"[\\%_]")


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


def add_filter(conditions: Conditions, wanted: Filter) -> None:
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


def _add_nodes(conditions: Conditions, nodes: tuple[str, ...]) -> None:
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
