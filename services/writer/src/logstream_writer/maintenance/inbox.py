"""Prunes the inbox: a batch is known as long as its records are stored, and seven days at least."""

from typing import Final

from logstream_writer.maintenance.chunks import MOMENT
from logstream_writer.maintenance.task import Report
from logstream_writer.store.session import Connection

# For this long a sender may repeat a batch without storing it twice.
KEPT_S: Final = 7 * 86_400

_WINDOW: Final = 10_000
# Numbers rise with the time of receipt, so what may go is found at the lowest ones, without an index of its own. The walk
# ends where a window has nothing to delete: a batch behind that waits for those before it.
_PRUNE: Final = f"""
WITH oldest AS (SELECT number FROM batches WHERE number > %s ORDER BY number LIMIT {_WINDOW}),
     gone AS (
         DELETE FROM batches WHERE number IN (SELECT number FROM oldest)
             AND time_to < {MOMENT} AND received_at < now() - %s::bigint * interval '1 second'
         RETURNING 1
     )
SELECT (SELECT count(*) FROM gone), (SELECT max(number) FROM oldest)
"""
_FLOOR: Final = """
SELECT (extract(epoch FROM coalesce(min(range_start), now())) * 1000000)::bigint
FROM timescaledb_information.chunks WHERE hypertable_name = 'logs'
"""
# Of one run; each window is a transaction.
MOST_ROWS: Final = 2_000_000


def floor_us(connection: Connection) -> int:
    """Where the oldest chunk begins: no record is stored before it. Without chunks, now."""
    row = connection.execute(_FLOOR).fetchone()
    assert row
    return int(row[0])


def prune(connection: Connection, cutoff_us: int, most: int, kept_s: int = KEPT_S) -> int:
    """Deletes batches whose records all lie before the cutoff and that came kept_s ago, about `most` of them at most; the
    number of them."""
    pruned, number = 0, 0
    while pruned < most:
        row = connection.execute(_PRUNE, [number, cutoff_us, kept_s]).fetchone()
        if row is None or not row[0]:
            break
        pruned += row[0]
        number = row[1]
    return pruned


class InboxTask:
    """Deletes the batches that retention had to leave because they were not seven days old."""

    name: Final = "inbox"
    every_s: Final = 300.0

    def run(self, connection: Connection) -> Report:
        return Report(done={"batches": prune(connection, floor_us(connection), MOST_ROWS)})
