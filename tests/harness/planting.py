"""Puts records into the database as a writer would: rows, their batch, and their counts. It must not go through the
product, so that tests of what reads can trust it."""

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES = "logs, batches, log_counts, log_rollups, search_segments, search_pages"
_MOVE = """
WITH moved AS (DELETE FROM log_counts WHERE random() < %s RETURNING *)
INSERT INTO log_rollups AS rollup (width_s, bucket, node, level, severity, count)
SELECT width_s, to_timestamp(floor(extract(epoch FROM bucket) / width_s) * width_s), node, level, severity, sum(count)
FROM moved, (VALUES (60), (600), (3600)) AS widths (width_s) GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (width_s, bucket, node, level, severity) DO UPDATE SET count = rollup.count + excluded.count
"""


class Planted(NamedTuple):
    """A record to be stored; time in microseconds since the epoch."""

    time_us: int
    message: str
    level: str = "info"
    severity: int = 9
    node: str = "api"
    attributes: dict[str, str] | None = None


class Stored(NamedTuple):
    """A record as it is stored."""

    sequence: int
    time_us: int
    severity: int
    level: str
    node: str
    message: str
    attributes: dict[str, str] | None


def clear(connection: psycopg.Connection) -> None:
    connection.execute(f"TRUNCATE {_TABLES}")


def plant(connection: psycopg.Connection, records: Sequence[Planted]) -> list[Stored]:
    """Stores at least one record as one batch, in one transaction."""
    times = [_EPOCH + timedelta(microseconds=record.time_us) for record in records]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
            " VALUES ('default', %s, '', %s, %s, %s, now()) RETURNING number",
            (uuid.uuid4(), len(records), min(times), max(times)),
        )
        row = cursor.fetchone()
        assert row
        stored = [
            Stored(
                sequence=row[0] << 16 | index,
                time_us=item.time_us,
                severity=item.severity,
                level=item.level,
                node=item.node,
                message=item.message,
                attributes=item.attributes,
            )
            for index, item in enumerate(records)
        ]
        cursor.executemany(
            "INSERT INTO logs (sequence, time, severity, level, node, message, attributes)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (sequence, time, *rest, Jsonb(attributes) if attributes else None)
                for time, (sequence, _, *rest, attributes) in zip(times, stored, strict=True)
            ],
        )
        cursor.execute(
            "INSERT INTO log_counts (bucket, node, level, severity, count)"
            " SELECT date_trunc('minute', time, 'UTC'), node, level, severity, count(*) FROM logs"
            " WHERE sequence >= %s AND sequence <= %s AND time >= %s AND time <= %s GROUP BY 1, 2, 3, 4",
            (stored[0].sequence, stored[-1].sequence, min(times), max(times)),
        )
    return stored


def move_counts(connection: psycopg.Connection, share: float, chance: random.Random) -> None:
    """Moves about this share of the counts to their sums, as maintenance would."""
    connection.execute("SELECT setseed(%s)", (chance.random(),))
    connection.execute(_MOVE, (share,))
