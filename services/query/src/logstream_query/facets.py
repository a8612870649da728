"""The route /api/logs/facets: the most frequent levels, nodes and attributes of the records that match."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

import orjson
from flask import Blueprint, Response, request
from typing_extensions import TypedDict

from logstream_query.aggregate_parameters import FacetsParameters, wanted_by
from logstream_query.counting import is_countable
from logstream_query.search import Search
from logstream_query.store import Aggregates, StoredRecord, Top, ValueCount

# Keys are free text; past this many an answer would grow with their number.
MAX_KEYS: Final = 100


class Newest(TypedDict):
    """complete: whether these are all the records that match."""

    records: int
    complete: bool


Over = Newest | Literal["all"]


class LevelCount(TypedDict):
    value: str
    count: int
    severity: int


class Count(TypedDict):
    value: str
    count: int


class Levels(TypedDict):
    """distinct: how many values there are; top: the most frequent of them. unnamed: records of values beyond those that the
    stored counts keep of a time; with any, distinct and each count are at least what they say."""

    over: Over
    total: int
    distinct: int
    unnamed: int
    top: list[LevelCount]


class Nodes(TypedDict):
    over: Over
    total: int
    distinct: int
    unnamed: int
    top: list[Count]


class Attribute(TypedDict):
    """count: records that have the key."""

    key: str
    count: int
    distinct: int
    top: list[Count]


class Attributes(TypedDict):
    """distinct: how many keys there are; top: those that most records have."""

    over: Newest
    distinct: int
    top: list[Attribute]


class Facets(TypedDict):
    levels: Levels
    nodes: Nodes
    attributes: Attributes


def facets_routes(aggregates: Aggregates, search: Search, clock: Callable[[], int]) -> Blueprint:
    """clock: microseconds since the epoch."""
    routes = Blueprint("facets", __name__, url_prefix="/api/logs")

    @routes.get("/facets")
    def facets() -> Response:
        now_us = clock()
        asked, problems = FacetsParameters.read(request.environ["QUERY_STRING"])
        wanted = wanted_by(asked, problems, now_us)
        newest = search.find(wanted, "desc", None, asked.records)
        over_newest: Newest = {"records": len(newest.records), "complete": newest.position is None}
        counted = aggregates.top(wanted, asked.top, now_us) if is_countable(wanted) else None
        over: Over = "all" if counted else over_newest
        levels, nodes = counted or top_of(newest.records, asked.top)
        keys, attributes = attributes_of((row[-1] for row in newest.records), asked.top)
        body: Facets = {
            "levels": {
                "over": over,
                "total": levels.total,
                "distinct": levels.distinct,
                "unnamed": levels.unnamed,
                "top": [
                    {"value": found.value, "count": found.records, "severity": found.severity} for found in levels.values
                ],
            },
            "nodes": {
                "over": over,
                "total": nodes.total,
                "distinct": nodes.distinct,
                "unnamed": nodes.unnamed,
                "top": [{"value": found.value, "count": found.records} for found in nodes.values],
            },
            "attributes": {"over": over_newest, "distinct": keys, "top": attributes},
        }
        return Response(orjson.dumps(body), mimetype="application/json")

    return routes


def top_of(records: Iterable[StoredRecord], limit: int) -> tuple[Top, Top]:
    """The most frequent levels and nodes of these records."""
    levels: Counter[str] = Counter()
    nodes: Counter[str] = Counter()
    severities: dict[str, Counter[int]] = {}
    for _, _, severity, level, node, _, _ in records:
        levels[level] += 1
        nodes[node] += 1
        severities.setdefault(level, Counter())[severity] += 1
    total = levels.total()
    top_levels = [ValueCount(*found, severities[found[0]].most_common(1)[0][0]) for found in _first(levels, limit)]
    top_nodes = [ValueCount(*found, 0) for found in _first(nodes, limit)]
    return Top(top_levels, len(levels), total), Top(top_nodes, len(nodes), total)


def attributes_of(attributes: Iterable[Mapping[str, str] | None], limit: int) -> tuple[int, list[Attribute]]:
    """How many keys there are, and the most frequent ones with their most frequent values."""
    keys: dict[str, Counter[str]] = {}
    for found in attributes:
        for key, value in (found or {}).items():
            keys.setdefault(key, Counter())[value] += 1
    counts = Counter({key: values.total() for key, values in keys.items()})
    return len(keys), [
        {
            "key": key,
            "count": count,
            "distinct": len(keys[key]),
            "top": [{"value": value, "count": number} for value, number in _first(keys[key], limit)],
        }
        for key, count in _first(counts, MAX_KEYS)
    ]


def _first(counts: Counter[str], limit: int) -> list[tuple[str, int]]:
    """The most frequent; among equally frequent ones the order is that of their texts."""
    return sorted(counts.items(), key=lambda found: (-found[1], found[0]))[:limit]
