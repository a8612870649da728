"""Ten hours of stored records to search in: 50 nodes, six levels, needles at known places. Loaded past the services in
pieces of a million, each in one transaction, so a load that was broken off goes on where it was."""

import math
import shutil
from collections.abc import Callable
from typing import Any, Final

import psycopg

HOURS: Final = 10
NODES: Final = 50
BATCH: Final = 1_000
PIECE: Final = 1_000_000
# Of a row with its share of indexes on the rowstore, generously: what the disk must have free.
BYTES_A_ROW: Final = 320

# Records that hold each of these, by their place in the whole: 0 is the oldest, 1 the newest.
NEEDLE: Final = "quetzalcoatl"
NEEDLE_PLACES: Final = (0.03, 0.31, 0.52, 0.77, 0.93)
NEEDLE_TRACE: Final = "5eeda11c0ffee5eeda11c0ffee000001"
TRACE_PLACES: Final = (0.12, 0.64)
# A node that was only there for a moment, long ago.
LOST_NODE: Final = "bench-node-lost"
LOST_PLACE: Final = 0.2

# The digest tells the piece, the time of receipt the end of the ten hours: both are found again by a later run.
_BATCHES: Final = """
INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)
SELECT 'default', gen_random_uuid(), decode(lpad(to_hex(%(piece)s::int), 8, '0'), 'hex'), %(batch)s, at,
       at + (%(batch)s - 1) * step, %(anchor)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1, %(batch)s) AS row,
     LATERAL (SELECT %(hours)s * interval '1 hour' / %(rows)s::float8 AS step) AS steps,
     LATERAL (SELECT %(anchor)s - step * (%(rows)s - row) AS at) AS times
RETURNING number
"""
# Batches of other origin have digests of 32 bytes.
_DONE: Final = "SELECT DISTINCT ('x' || encode(digest, 'hex'))::bit(32)::int FROM batches WHERE length(digest) = 4"
_ANCHOR: Final = """
SELECT coalesce(max(received_at), date_trunc('second', now())) FROM batches WHERE length(digest) = 4
"""
_LOGS: Final = """
WITH stored AS (
    INSERT INTO logs (time, sequence, severity, level, node, message, attributes)
    SELECT %(anchor)s - %(hours)s * interval '1 hour' / %(rows)s::float8 * (%(rows)s - row),
           (%(number)s + (row - %(first)s) / %(batch)s) << 16 | (row %% %(batch)s),
           (ARRAY[9, 9, 5, 13, 7, 17])[row %% 6 + 1],
           (ARRAY['info', 'info', 'debug', 'warn', 'http', 'error'])[row %% 6 + 1],
           CASE WHEN row = %(lost)s THEN 'bench-node-lost' ELSE 'bench-node-' || lpad((row * 7 %% 50)::text, 2, '0') END,
           'GET /api/orders/' || row || ' 200 in ' || row %% 997 || ' ms for the cart, trace ' || md5((row / 10)::text)
               || CASE WHEN row = ANY(%(needles)s) THEN ' Quetzalcoatl' ELSE '' END,
           CASE WHEN row = ANY(%(traces)s) THEN jsonb_build_object('trace_id', %(trace)s::text)
                WHEN row %% 10 = 0 THEN jsonb_build_object('trace_id', md5((row / 10)::text)) END
    FROM generate_series(%(first)s::bigint, %(last)s::bigint - 1) AS row
    RETURNING time, node, level, severity
)
INSERT INTO log_counts (bucket, node, level, severity, count)
SELECT date_trunc('minute', time, 'UTC'), node, level, severity, count(*) FROM stored GROUP BY 1, 2, 3, 4
"""


class NoRoom(RuntimeError):
    """The rows don't fit on the disk."""


def load(connection: psycopg.Connection[Any], rows: int, folder: str | None, progress: Callable[[str], object]) -> int:
    """Loads what is missing of so many rows; how many there are. folder: on the database's disk,
    None if that is elsewhere. Raises NoRoom.

    rows is rounded up to whole millions.
    """
    pieces = -(-rows // PIECE)
    rows = pieces * PIECE
    done = {piece for (piece,) in connection.execute(_DONE)}
    missing = [piece for piece in range(pieces) if piece not in done]
    free = shutil.disk_usage(folder).free if folder else math.inf
    if len(missing) * PIECE * BYTES_A_ROW > free:
        needed = len(missing) * PIECE * BYTES_A_ROW
        raise NoRoom(f"{rows:,} rows need {needed / 2**30:.0f} GiB more, and {free / 2**30:.0f} GiB are free")
    found = connection.execute(_ANCHOR).fetchone()
    assert found
    for piece in missing:
        progress(f"loading rows {piece * PIECE:,} to {(piece + 1) * PIECE:,} of {rows:,}")
        _load_piece(connection, piece, rows, found[0])
    return rows


def _load_piece(connection: psycopg.Connection[Any], piece: int, rows: int, anchor: Any) -> None:
    values = {
        "piece": piece,
        "batch": BATCH,
        "first": piece * PIECE,
        "last": (piece + 1) * PIECE,
        "rows": rows,
        "hours": HOURS,
        "anchor": anchor,
        "needles": [int(place * rows) for place in NEEDLE_PLACES],
        "traces": [int(place * rows) for place in TRACE_PLACES],
        "trace": NEEDLE_TRACE,
        "lost": int(LOST_PLACE * rows),
    }
    with connection.transaction():
        numbers = [number for (number,) in connection.execute(_BATCHES, values)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        connection.execute(_LOGS, {**values, "number": numbers[0]})
