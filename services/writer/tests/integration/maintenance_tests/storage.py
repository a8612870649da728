"""Batches at given times, and whether records and counts agree."""

import uuid
from typing import Any

import psycopg
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import Inbound, decode
from logstream_writer.maintenance.task import Report

WIDTHS_S = (60, 600, 3600)


MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


CENTURY_NANOS = 100 * 365 * DAY_S * 1_000_000_000


LEVELS = ("error", "warn", "info")


def batch(times_s: list[float], node: str = "orders", received_s: float | None = None) -> Inbound:
    """A batch with a record at each time, received when the last one was made."""
    records = [
        LogRecord(time_unix_nano=round(time_s * 1e6) * 1000, level=LEVELS[index % 3], message=f"{index}")
        for index, time_s in enumerate(times_s)
    ]
    raw = LogBatch(batch_id=uuid.uuid4().bytes, node=node, records=records).SerializeToString()
    received = round((received_s or max(times_s)) * 1e9)
    return decode(
        [
            Delivery(
                tag=1,
                channel_number=1,
                body=Packer(1).frame(raw),
                received_unix_nano=received,
                records=1,
                project="default",
                redelivered=False,
                unpacked_bytes=0,
            )
        ],
        CENTURY_NANOS,
    )


def scalar(database: psycopg.Connection[Any], query: str, *parameters: object) -> Any:
    row = database.execute(query, parameters).fetchone()
    return row[0] if row else None


def set_interval(database: psycopg.Connection[Any], minutes: int) -> None:
    database.execute("SELECT set_chunk_time_interval('logs', make_interval(mins => %s))", [minutes])


def assert_counts_agree(database: psycopg.Connection[Any]) -> None:
    """Of each width alone, with what is not moved yet: the records of each bucket, node, level and severity."""
    for width_s in WIDTHS_S:
        differences = database.execute(
            """
            WITH counted AS (
                SELECT date_bin(%(width)s * interval '1 second', bucket, 'epoch') AS bucket, node, level, severity,
                       sum(count) AS count
                FROM (SELECT bucket, node, level, severity, count FROM log_counts UNION ALL
                      SELECT bucket, node, level, severity, count FROM log_rollups WHERE width_s = %(width)s) AS every
                GROUP BY 1, 2, 3, 4
            ), real AS (
                SELECT date_bin(%(width)s * interval '1 second', time, 'epoch') AS bucket, node, level, severity,
                       count(*) AS count
                FROM logs GROUP BY 1, 2, 3, 4
            )
            SELECT *, counted.count, real.count FROM counted FULL JOIN real USING (bucket, node, level, severity)
            WHERE counted.count IS DISTINCT FROM real.count
            """,
            {"width": width_s},
        ).fetchall()
        assert not differences, f"width {width_s} s"


def at_edges(start_s: float, hours: int) -> list[float]:
    """Times at, just before and within the ten minutes of some hours."""
    edges = [start_s + ten * 600 for ten in range(hours * 6)]
    return [edge + offset for edge in edges for offset in (0, 0.000001, 137.5, 599.999999)]


def nothing_done(report: Report) -> bool:
    return not report.changed
