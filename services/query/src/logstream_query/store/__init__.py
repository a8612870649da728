"""The stored records. Only this package knows psycopg; its callers see records and `Unavailable`."""

from logstream_query.store.database import Store, StoredRecord, url_problem

__all__ = ["Store", "StoredRecord", "url_problem"]
