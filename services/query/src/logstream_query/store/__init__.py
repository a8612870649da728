"""The stored records. Only this package knows psycopg; its callers see records, `Unavailable` and `InvalidRegex`."""

from logstream_query.store.conditions import InvalidRegex
from logstream_query.store.database import Store, StoredRecord, url_problem

__all__ = ["InvalidRegex", "Store", "StoredRecord", "url_problem"]
