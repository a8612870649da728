"""What the counts tell about records, without a look at these. Times are microseconds since the Unix epoch."""

from typing import Final

from logstream_writer.maintenance.chunks import MOMENT
from logstream_writer.store.session import Connection

_RECORDS: Final = f"""
SELECT coalesce((SELECT sum(count) FROM log_counts WHERE bucket >= {MOMENT} AND bucket < {MOMENT}), 0)
     + coalesce((SELECT sum(count) FROM log_rollups WHERE width_s = 60 AND bucket >= {MOMENT} AND bucket < {MOMENT}), 0)
"""
_FIRST: Final = """
SELECT (extract(epoch FROM least((SELECT min(bucket) FROM log_counts),
                                 (SELECT min(bucket) FROM log_rollups WHERE width_s = 60))) * 1000000)::bigint
"""


def records_between(connection: Connection, from_us: int, to_us: int) -> int:
    """The number of records in the minutes that begin within these times."""
    row = connection.execute(_RECORDS, [from_us, to_us] * 2).fetchone()
    assert row
    return int(row[0])


def first_minute_us(connection: Connection) -> int | None:
    """The minute of the oldest record; None without records."""
    row = connection.execute(_FIRST).fetchone()
    return row[0] if row else None
