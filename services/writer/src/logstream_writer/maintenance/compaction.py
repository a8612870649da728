"""Adds counts up: from log_counts, where each flush appends, into log_rollups."""

from typing import Final

from logstream_writer.maintenance.task import Report
from logstream_writer.store.session import Connection

# One statement, so that a reader of both tables sees each count once. Flushes only append, and what they append meanwhile
# is not in its snapshot and stays, to be moved by the next one. Minutes that are not over are moved, too: a reader has to
# add up what is left. Buckets begin at whole multiples of their width since the epoch.
_MOVE: Final = """
WITH moved AS (
    DELETE FROM log_counts
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM log_counts ORDER BY bucket LIMIT %s))
    RETURNING bucket, node, level, severity, count
), summed AS (
    INSERT INTO log_rollups (width_s, bucket, node, level, severity, count)
    SELECT width_s, date_bin(width_s * interval '1 second', bucket, timestamptz 'epoch'), node, level, severity, sum(count)
    FROM (SELECT bucket, node, level, severity, sum(count) AS count FROM moved GROUP BY 1, 2, 3, 4) AS minutes,
         (VALUES (60), (600), (3600)) AS widths (width_s)
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2
    ON CONFLICT (width_s, bucket, node, level, severity) DO UPDATE SET count = log_rollups.count + excluded.count
    RETURNING 1
)
SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM summed)
"""
_LEFT: Final = "SELECT count(*) FROM log_counts"
# Half of the table is deleted at each run, and dead rows would slow the next ones down before autovacuum comes. Without
# giving space back to the file system, for which it would have to lock out the flushes.
_VACUUM: Final = "VACUUM (TRUNCATE false, INDEX_CLEANUP on, SKIP_LOCKED) log_counts"
_VACUUM_ROWS: Final = 20_000

_MOST_ROWS: Final = 100_000  # a statement
_MOST_STATEMENTS: Final = 50  # a run


class Compaction:
    """Moves all counts, at most so many rows a statement."""

    name: Final = "count_compaction"
    every_s: Final = 10.0

    def __init__(self, most_rows: int = _MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._dead_rows = 0

    def run(self, connection: Connection) -> Report:
        moved = summed = 0
        for _ in range(_MOST_STATEMENTS):
            row = connection.execute(_MOVE, [self._most_rows]).fetchone()
            assert row
            moved += row[0]
            summed += row[1]
            if row[0] < self._most_rows:
                break
        self._dead_rows += moved
        if self._dead_rows >= _VACUUM_ROWS:
            connection.execute(_VACUUM)
            self._dead_rows = 0
        left = connection.execute(_LEFT).fetchone()
        assert left
        return Report({"count_rows": moved, "sums": summed}, state={"uncompacted_count_rows": left[0]}, routine=True)
