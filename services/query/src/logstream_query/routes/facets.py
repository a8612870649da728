"""The route /api/logs/facets: the most frequent levels, nodes and attributes of the records that match."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal

from flask import Blueprint, Response, request
from typing_extensions import TypedDict

from logstream_query.metrics import Metrics
from logstream_query.questions.aggregate_parameters import FacetsParameters, checked_filter
from logstream_query.routes.responses import to_json
from logstream_query.search.search import Search
from logstream_query.store import Aggregates, StoredRecord, Top, ValueCount
from logstream_query.store.counting import is_countable

# Keys are free text, and a response must not grow with their number.
MAX_KEYS: Final = 100
# Of all attributes in one response: each of 100 keys may list 50.
MAX_VALUES: Final = 5_000
# Nobody picks a longer key or value from a list, and a shortened one would be a different one.
MAX_CHARACTERS: Final = 256


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
    """distinct: the number of different values; top: the most frequent ones. unnamed: records with values beyond those that
    the stored counts keep for a time; if there are any, distinct and each count are lower bounds."""

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
    """count: records that have the key. distinct: the number of different values; too_long of them are never listed because
    of their length."""

    key: str
    count: int
    distinct: int
    too_long: int
    top: list[Count]


class Attributes(TypedDict):
    """distinct: the number of different keys; top: those that most records have."""

    over: Newest
    distinct: int
    top: list[Attribute]


class Facets(TypedDict):
    levels: Levels
    nodes: Nodes
    attributes: Attributes


def facets_routes(aggregates: Aggregates, search: Search, metrics: Metrics, *, clock: Callable[[], int]) -> Blueprint:
    """clock: microseconds since the epoch."""
    routes = Blueprint("facets", __name__, url_prefix="/api/logs")

    @routes.get("/facets")
    def facets() -> Response:
        now_us = clock()
        parameters, problems = FacetsParameters.read(request.environ["QUERY_STRING"])
        filter_ = checked_filter(parameters, problems, now_us)
        newest = search.find(filter_, "desc", None, parameters.records)
        metrics.full_answers.labels("/api/logs/facets").inc(newest.is_full)
        over_newest: Newest = {"records": len(newest.records), "complete": newest.position is None}
        counted = aggregates.top(filter_, parameters.top, now_us) if is_countable(filter_) else None
        over: Over = "all" if counted else over_newest
        levels, nodes = counted or top_of(newest.records, parameters.top)
        keys, attributes = attributes_of([row.attributes for row in newest.records], parameters.top)
        body: Facets = {
            "levels": {
                "over": over,
                "total": levels.total,
                "distinct": levels.distinct,
                "unnamed": levels.unnamed,
                "top": [
                    {"value": level.value, "count": level.records, "severity": level.severity} for level in levels.values
                ],
            },
            "nodes": {
                "over": over,
                "total": nodes.total,
                "distinct": nodes.distinct,
                "unnamed": nodes.unnamed,
                "top": [{"value": node.value, "count": node.records} for node in nodes.values],
            },
            "attributes": {"over": over_newest, "distinct": keys, "top": attributes},
        }
        return Response(to_json(body), mimetype="application/json")

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
    top_levels = [ValueCount(level, count, severities[level].most_common(1)[0][0]) for level, count in _first(levels, limit)]
    top_nodes = [ValueCount(node, count, 0) for node, count in _first(nodes, limit)]
    return Top(top_levels, len(levels), total), Top(top_nodes, len(nodes), total)


def attributes_of(attributes: Sequence[Mapping[str, str] | None], limit: int) -> tuple[int, list[Attribute]]:
    """How many keys there are, and the most frequent ones with their most frequent values."""
    keys: Counter[str] = Counter()
    for of_record in attributes:
        keys.update((of_record or {}).keys())
    listed = dict(_first(_short(keys), MAX_KEYS))
    values: dict[str, Counter[str]] = {key: Counter() for key in listed}
    for of_record in attributes:
        for key, value in (of_record or {}).items():
            if key in values:
                values[key][value] += 1
    limit = min(limit, MAX_VALUES // max(1, len(listed)))
    return len(keys), [_attribute(key, count, values[key], limit) for key, count in listed.items()]


def _attribute(key: str, count: int, values: Counter[str], limit: int) -> Attribute:
    short = _short(values)
    return {
        "key": key,
        "count": count,
        "distinct": len(values),
        "too_long": len(values) - len(short),
        "top": [{"value": value, "count": number} for value, number in _first(short, limit)],
    }


def _short(counts: Counter[str]) -> Counter[str]:
    return Counter({text: count for text, count in counts.items() if len(text) <= MAX_CHARACTERS})


def _first(counts: Counter[str], limit: int) -> list[tuple[str, int]]:
    """The most frequent ones, equally frequent ones in the order of their texts."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
