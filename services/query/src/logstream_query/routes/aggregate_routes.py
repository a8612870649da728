"""Joins the routes that count, export or look around a record."""

from collections.abc import Callable
from typing import Final

from flask import Blueprint
from logstream_contract.filters.parameters import names_of

from logstream_query.metrics import Metrics
from logstream_query.questions.aggregate_parameters import (
    ContextParameters,
    ExportParameters,
    FacetsParameters,
    HistogramParameters,
)
from logstream_query.routes.context import context_routes
from logstream_query.routes.export import Exporter, export_routes
from logstream_query.routes.facets import facets_routes
from logstream_query.routes.histogram import histogram_routes
from logstream_query.routes.stats import CachedStatistics, stats_routes
from logstream_query.search.answer_limiter import AnswerLimiter
from logstream_query.search.record_counts import RecordCounts
from logstream_query.search.search import Search
from logstream_query.store import Aggregates, Neighbours, Store, read_statistics

_MODELS: Final = (HistogramParameters, FacetsParameters, ContextParameters, ExportParameters)
# The sequence of a context stands in the path.
AGGREGATE_PARAMETERS: Final = [*(name for model in _MODELS for name in names_of(model)), "sequence"]


def aggregate_routes(
    store: Store,
    search: Search,
    answer_limiter: AnswerLimiter,
    *,
    metrics: Metrics,
    clock: Callable[[], int],
    count_budget_s: float,
    export_records: int,
) -> list[Blueprint]:
    """clock: microseconds since the epoch. export_records: the most records of one export."""
    aggregates = Aggregates(store, count_budget_s)
    return [
        histogram_routes(aggregates, RecordCounts(aggregates, count_budget_s, search.permit_for), clock),
        facets_routes(aggregates, search, metrics, clock=clock),
        context_routes(Neighbours(store, count_budget_s, most_bytes=search.answer_bytes), answer_limiter, metrics),
        export_routes(aggregates, Exporter(search, answer_limiter, metrics), most_records=export_records, clock=clock),
        stats_routes(CachedStatistics(lambda: read_statistics(store, clock()))),
    ]
