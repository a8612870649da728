"""Adds counts up: from log_counts, where each flush appends, into log_rollups, where a sum has a bounded number of names."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from logstream_contract.counted_names import MOST_NAMES, MOST_NAMES_OF_NODE

from logstream_writer.maintenance.chunks import SECOND_US
from logstream_writer.maintenance.task import Report
from logstream_writer.store.counts import Name, fold_names
from logstream_writer.store.session import Connection

# Buckets begin at whole multiples of their width since the epoch.
_WIDTHS_S: Final = (60, 600, 3600)

# Flushes only append: what they append meanwhile is not in the snapshot and stays, to be moved by the next one. Minutes that
# are not over are moved, too: a reader has to add up what is left.
_TAKE: Final = """
WITH moved AS (
    DELETE FROM log_counts
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM log_counts ORDER BY bucket LIMIT %s))
    RETURNING bucket, node, level, severity, count
)
SELECT (extract(epoch FROM bucket) * 1000000)::bigint, node, level, severity, sum(count)::bigint, count(*)
FROM moved GROUP BY bucket, node, level, severity
"""
_BUCKET: Final = "timestamptz 'epoch' + bucket_us * interval '1 microsecond'"
# How many names these sums have, and how many of them the node has that has most.
_NAMES: Final = f"""
SELECT width_s, bucket_us, sum(names)::bigint, max(names)
FROM (
    SELECT width_s, bucket_us, node, count(*) AS names
    FROM (SELECT width_s, bucket_us, {_BUCKET} AS bucket
          FROM unnest(%s::int[], %s::bigint[]) AS given (width_s, bucket_us)) AS touched
    JOIN log_rollups USING (width_s, bucket) GROUP BY 1, 2, 3
) AS nodes GROUP BY 1, 2
"""
_READ: Final = f"""
SELECT node, level, severity, count
FROM log_rollups, (SELECT {_BUCKET} AS start FROM (SELECT %s::bigint AS bucket_us) AS given) AS wanted
WHERE width_s = %s AND bucket = start
"""
_ADD: Final = f"""
INSERT INTO log_rollups (width_s, bucket, node, level, severity, count)
SELECT width_s, {_BUCKET}, node, level, severity, count
FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::bigint[])
     AS given (width_s, bucket_us, node, level, severity, count)
ORDER BY 1, 2
ON CONFLICT (width_s, bucket, node, level, severity) DO UPDATE SET count = log_rollups.count + excluded.count
"""
# The same for sums of which none has too many names: from their minutes, a third of what would have to be sent else.
_ADD_MINUTES: Final = """
INSERT INTO log_rollups (width_s, bucket, node, level, severity, count)
SELECT width_s, date_bin(width_s * interval '1 second', timestamptz 'epoch' + minute_us * interval '1 microsecond',
                         timestamptz 'epoch'), node, level, severity, sum(count)
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::smallint[], %s::bigint[])
     AS given (minute_us, node, level, severity, count), unnest(%s::int[]) AS width_s
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2
ON CONFLICT (width_s, bucket, node, level, severity) DO UPDATE SET count = log_rollups.count + excluded.count
"""
_REMOVE: Final = f"""
DELETE FROM log_rollups AS rollup
USING unnest(%s::int[], %s::bigint[], %s::text[], %s::text[], %s::smallint[])
      AS given (width_s, bucket_us, node, level, severity)
WHERE (rollup.width_s, rollup.bucket, rollup.node, rollup.level, rollup.severity)
    = (given.width_s, {_BUCKET}, given.node, given.level, given.severity)
"""
_LEFT: Final = "SELECT count(*) FROM log_counts"
# Half of the table is deleted at each run, and dead rows would slow the next ones down before autovacuum comes. Without
# giving space back to the file system, for which it would have to lock out the flushes.
_VACUUM: Final = "VACUUM (TRUNCATE false, INDEX_CLEANUP on, SKIP_LOCKED) log_counts"
_VACUUM_ROWS: Final = 20_000

# Of one transaction. So many rows can be of as many names, which are in memory.
_MOST_ROWS: Final = 50_000
_MOST_STEPS: Final = 100  # a run

# Width and start in microseconds since the epoch of a sum.
_Bucket = tuple[int, int]


@dataclass(slots=True)
class _Changes:
    """moved: rows of log_counts; sums: rows of log_rollups written, and removed: those that gave way."""

    moved: int = 0
    sums: int = 0
    removed: int = 0


class Compaction:
    """Moves all counts, at most so many rows a transaction. most_names, most_of_node: of a sum, as fold_names takes them."""

    name: Final = "count_compaction"
    every_s: Final = 10.0

    def __init__(
        self, most_rows: int = _MOST_ROWS, most_names: int = MOST_NAMES, most_of_node: int = MOST_NAMES_OF_NODE
    ) -> None:
        self._most_rows = most_rows
        self._most_names = most_names
        self._most_of_node = most_of_node
        self._dead_rows = 0

    def run(self, connection: Connection) -> Report:
        done = _Changes()
        for _ in range(_MOST_STEPS):
            before = done.moved
            # One transaction, so that a reader of both tables sees each count once.
            with connection.transaction():
                self._move(connection, done)
            if done.moved - before < self._most_rows:
                break
        self._dead_rows += done.moved
        if self._dead_rows >= _VACUUM_ROWS:
            connection.execute(_VACUUM)
            self._dead_rows = 0
        left = connection.execute(_LEFT).fetchone()
        assert left
        return Report(
            done={"count_rows": done.moved, "sums": done.sums, "folded_sums": done.removed},
            state={"uncompacted_count_rows": left[0]},
            routine=True,
        )

    def _move(self, connection: Connection, done: _Changes) -> None:
        minutes = connection.execute(_TAKE, [self._most_rows], binary=True).fetchall()
        if not minutes:
            return
        done.moved += sum(row[-1] for row in minutes)
        fresh: defaultdict[_Bucket, Counter[Name]] = defaultdict(Counter)
        for minute_us, node, level, severity, count, _ in minutes:
            for width_s in _WIDTHS_S:
                width_us = width_s * SECOND_US
                fresh[width_s, minute_us // width_us * width_us][node, level, severity] += count
        crowded = self._crowded(connection, fresh)
        if not crowded:
            *columns, _ = (list(column) for column in zip(*minutes, strict=True))
            connection.execute(_ADD_MINUTES, [*columns, list(_WIDTHS_S)], binary=True)
            done.sums += sum(map(len, fresh.values()))
            return
        add: list[tuple[object, ...]] = []
        remove: list[tuple[object, ...]] = []
        for bucket, names in fresh.items():
            gone: Collection[Name] = ()
            if bucket in crowded:
                names, gone = self._fold(connection, bucket, names)
            add += [(*bucket, *name, count) for name, count in names.items()]
            remove += [(*bucket, *name) for name in gone]
        for statement, changes in ((_REMOVE, remove), (_ADD, add)):
            if changes:
                connection.execute(statement, [list(column) for column in zip(*changes, strict=True)], binary=True)
        done.sums += len(add)
        done.removed += len(remove)

    def _crowded(self, connection: Connection, fresh: Mapping[_Bucket, Collection[Name]]) -> set[_Bucket]:
        """The sums that may have more names than they should when these are added."""
        if not fresh:
            return set()
        widths_s, buckets_us = zip(*fresh, strict=True)
        rows = connection.execute(_NAMES, [list(widths_s), list(buckets_us)], binary=True)
        stored = {(width_s, bucket_us): names for width_s, bucket_us, *names in rows}
        crowded = set()
        for bucket, names in fresh.items():
            every, of_node = stored.get(bucket, (0, 0))
            if (
                every + len(names) > self._most_names
                or of_node + max(Counter(node for node, _, _ in names).values()) > self._most_of_node
            ):
                crowded.add(bucket)
        return crowded

    def _fold(self, connection: Connection, bucket: _Bucket, names: Counter[Name]) -> tuple[Counter[Name], Collection[Name]]:
        """What is to be added to this sum, these names included, and which of its names go: it has as many as it may."""
        width_s, bucket_us = bucket
        rows = connection.execute(_READ, [bucket_us, width_s], binary=True)
        stored = Counter({(node, level, severity): count for node, level, severity, count in rows})
        folded = Counter(fold_names(names + stored, self._most_names, self._most_of_node))
        # Counter's difference keeps what is more than nothing: what goes is in neither.
        return folded - stored, stored.keys() - folded.keys()
