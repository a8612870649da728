"""What the search index knows about where a filter's records can be."""

from logstream_contract.filters import Filter
from psycopg import Connection


def candidates(_connection: Connection, _wanted: Filter, _from_us: int, _to_us: int) -> list[tuple[int, int]] | None:
    """Times between from_us and to_us (microseconds since the Unix epoch, both included), newest first and merged, outside
    of which no record can match the filter's text terms and attributes; None: the index can't tell."""
    return None
