"""Batches of which some records are refused, and what the database then holds."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from logstream_contract.filters.filters import Filter
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_query.store.sketches import candidates
from logstream_writer.dead_letters.dead_letter import Selection
from logstream_writer.dead_letters.plan import Choices
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import Inbound, decode
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.store.dead_letters import APPLICATION, DeadLetters
from logstream_writer.store.search_index import SearchIndexer
from logstream_writer.store.store import Store

RECEIVED = 1_700_000_000_000_000_000


RECEIVED_US = RECEIVED // 1_000


DAY = 86_400 * 1_000_000_000


# What was received in 2023 is younger than this.
RETENTION = 36_500 * DAY


PLAIN = Choices(RETENTION)


ALWAYS = (0, 4 * 10**15)


COMMAND = (sys.executable, "-m", "logstream_writer", "dead-letters")


WAIT_S = 60


# Replays that wait for a lock.
WAITING = f"""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = '{APPLICATION}' AND wait_event_type = 'Lock'
"""


DISAGREEING = """
SELECT count(*) FROM (
    SELECT date_bin(width_s * interval '1 second', time, 'epoch') AS bucket, node, level, severity, count(*) AS count
    FROM logs, unnest(ARRAY[60, 600, 3600]) AS width_s GROUP BY width_s, 1, 2, 3, 4
) AS found FULL JOIN (
    SELECT bucket, node, level, severity, sum(count) AS count FROM (
        SELECT width_s, date_bin(width_s * interval '1 second', bucket, 'epoch') AS bucket, node, level, severity, count
        FROM log_counts, unnest(ARRAY[60, 600, 3600]) AS width_s
        UNION ALL SELECT width_s, bucket, node, level, severity, count FROM log_rollups
    ) AS parts GROUP BY width_s, 1, 2, 3, 4
) AS counted USING (bucket, node, level, severity, count) WHERE found.count IS NULL OR counted.count IS NULL
"""


def raw(batch_id: uuid.UUID, *messages: str, times_us: Sequence[int] = ()) -> bytes:
    records = [
        LogRecord(
            message=message,
            level="info",
            attributes={"k": message},
            time_unix_nano=(times_us[index] if times_us else RECEIVED_US - index) * 1_000,
        )
        for index, message in enumerate(messages)
    ]
    return LogBatch(batch_id=batch_id.bytes, node="orders", records=records).SerializeToString()


def delivery(*raws: bytes, again: bool = False) -> Delivery:
    return Delivery(
        tag=1,
        channel_number=1,
        body=b"".join(map(Packer(1).frame, raws)),
        received_unix_nano=RECEIVED,
        records=1,
        project="default",
        redelivered=again,
    )


def inbound(*raws: bytes) -> Inbound:
    return decode([delivery(*raws)], RETENTION)


@contextmanager
def refusing(database: psycopg.Connection[Any], rule: str = "refuse_poison") -> Iterator[None]:
    """The database takes no record whose message begins with `poison`, by a constraint of this name."""
    database.execute(f"ALTER TABLE logs ADD CONSTRAINT {rule} CHECK (message NOT LIKE 'poison%') NOT VALID")
    try:
        yield
    finally:
        database.execute(f"ALTER TABLE logs DROP CONSTRAINT {rule}")


def refuse(store: Store, database: psycopg.Connection[Any], *messages: str) -> tuple[bytes, int]:
    """Stores a batch of which the database refuses what begins with `poison`; its bytes and its number."""
    whole = raw(uuid.uuid4(), *messages)
    with refusing(database):
        (stored,) = store.flush(inbound(whole)).batches
    return whole, stored.number


def ids(dead_letters: DeadLetters, **selected: Any) -> list[int]:
    return list(dead_letters.ids(Selection(**selected)))


def stored(database: psycopg.Connection[Any]) -> list[tuple[str, int]]:
    return database.execute("SELECT message, sequence FROM logs ORDER BY sequence").fetchall()


def scalar(database: psycopg.Connection[Any], query: str) -> Any:
    row = database.execute(query).fetchone()
    return row[0] if row else None


def agree(database: psycopg.Connection[Any]) -> bool:
    """Whether records are what is counted, in every width."""
    return bool(scalar(database, DISAGREEING) == 0)


def compact(database: psycopg.Connection[Any]) -> None:
    Compaction().run(database)


def index(database: psycopg.Connection[Any]) -> None:
    SearchIndexer(database, lambda _: None).run(everything=True)


def looked_at(database: psycopg.Connection[Any], filter_: Filter, time_us: int) -> bool:
    """Whether a search for this looks at this time."""
    ranges = candidates(database, filter_, *ALWAYS)
    return ranges is None or any(begin <= time_us <= end for begin, end in ranges)


def command(database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_RETENTION_DAYS": "36500"}
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False
    )
