"""The stored records. Only this package knows psycopg; its callers see records, `Unavailable` and `InvalidRegex`."""

from logstream_query.store.aggregates import Aggregates, BarCount, Top, ValueCount
from logstream_query.store.conditions import InvalidRegex
from logstream_query.store.database import Nearest, Store, url_problem
from logstream_query.store.neighbours import Neighbourhood, Neighbours, Side
from logstream_query.store.statistics import RATE_MINUTES, Levels, Statistics, read_statistics
from logstream_query.store.stored_record import StoredRecord

__all__ = [
    "RATE_MINUTES",
    "Aggregates",
    "BarCount",
    "InvalidRegex",
    "Levels",
    "Nearest",
    "Neighbourhood",
    "Neighbours",
    "Side",
    "Statistics",
    "Store",
    "StoredRecord",
    "Top",
    "ValueCount",
    "read_statistics",
    "url_problem",
]
