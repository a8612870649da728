"""What the benchmark asks of the database: how much is committed, what a row takes, which edition it is. It empties the
tables between runs, so it refuses a database that holds records of somebody else."""

import contextlib
from collections.abc import Sequence
from typing import Any, LiteralString

import psutil
import psycopg

# Nodes of the benchmark's own records begin so.
NODE_PREFIX = "bench-"
_TABLES = "logs, batches, log_counts, log_rollups, dead_letters, search_segments, search_pages"
_FILL_ROWS = 1_000_000
_FILL_BATCHES = """
INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)
SELECT 'default', gen_random_uuid(), '\\x00', 1000, at, at, at
FROM generate_series(1, %(count)s / 1000) AS batch,
     LATERAL (SELECT now() - interval '10 hours' * (1 - (%(first)s + batch * 1000) / %(rows)s::float8) AS at) AS spread
"""
_FILL_LOGS = """
INSERT INTO logs (time, sequence, severity, level, node, message)
SELECT now() - interval '10 hours' * (1 - (%(first)s + row) / %(rows)s::float8), -(%(rows)s - %(first)s - row) - 1,
       (ARRAY[9, 9, 5, 13, 7, 17])[row %% 6 + 1], (ARRAY['info', 'info', 'debug', 'warn', 'http', 'error'])[row %% 6 + 1],
       'bench-old-' || row %% 50,
       'GET /api/orders/' || row || ' 200 in ' || row %% 997 || ' ms for the cart, trace ' || md5(row::text)
FROM generate_series(1, %(count)s) AS row
"""
# The mark at the end of a message names batch and record; see bench.batches.
_FIRST = """
SELECT md5(string_agg(concat_ws('|', severity, level, message, attributes), E'\\n' ORDER BY right(message, 13) COLLATE "C"))
FROM logs WHERE node = %s AND right(message, 13) COLLATE "C" < %s
"""


class NotOurs(RuntimeError):
    """The database holds records that the benchmark did not write."""


class Database:
    def __init__(self, url: str) -> None:
        self.url = url
        self.reconnect()

    def reconnect(self) -> None:
        """Raises psycopg.OperationalError while the database is away."""
        self._connection = psycopg.connect(
            self.url, autocommit=True, application_name="logstream-bench", connect_timeout=2, options="-c lock_timeout=30s"
        )

    def close(self) -> None:
        self._connection.close()

    def check_ours(self) -> None:
        """Raises NotOurs."""
        row = self._one("SELECT node FROM logs WHERE node NOT LIKE %s LIMIT 1", NODE_PREFIX + "%")
        if row:
            raise NotOurs(
                f"the database holds records of {row[0]!r}: the benchmark empties the tables, give it one of its own"
            )

    def take(self) -> None:
        """Keeps a second benchmark off this database while the first runs. Raises NotOurs."""
        if not self._one("SELECT pg_try_advisory_lock(hashtext('logstream-bench'))")[0]:
            raise NotOurs("another benchmark runs on this database")

    def clear(self) -> None:
        self.check_ours()
        self._connection.execute(f"TRUNCATE {_TABLES}")

    def fill(self, rows: int) -> None:
        """Rows like those of the other runs, spread over the ten hours before now, in pieces and in the order of time."""
        for first in range(0, rows, _FILL_ROWS):
            count = min(_FILL_ROWS, rows - first)
            self._connection.execute(_FILL_BATCHES, {"count": count, "first": first, "rows": rows})
            self._connection.execute(_FILL_LOGS, {"count": count, "first": first, "rows": rows})

    def checkpoint(self) -> None:
        """So that no run pays for the writes of the one before."""
        try:
            self._connection.execute("CHECKPOINT")
        except psycopg.errors.InsufficientPrivilege:
            self._connection.execute("SELECT 1")

    def analyze(self) -> None:
        self._connection.execute("VACUUM ANALYZE logs")

    def server_pid(self) -> int | None:
        """The process of the server itself, when it runs on this machine."""
        backend = self._connection.info.backend_pid
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(backend)
            if "postgres" in process.name():
                return process.ppid()
        return None

    def committed(self) -> int:
        """Records of all committed batches, refused ones included."""
        return int(self._one("SELECT coalesce(sum(records), 0)::bigint FROM batches")[0])

    def batches_after(self, number: int) -> list[tuple[int, bytes]]:
        """Number and id of the batches with higher numbers."""
        rows = self._connection.execute("SELECT number, batch_id FROM batches WHERE number > %s ORDER BY 1", [number])
        return [(found, batch_id.bytes) for found, batch_id in rows]

    def matches(self, conditions: Sequence[LiteralString]) -> list[tuple[Any, ...]]:
        """Columns of all rows of logs in the order of sequences: the sequence, the time and the time of receipt in
        microseconds since the Unix epoch, and for each condition, SQL about a row, whether it holds."""
        asked = "".join(f", ({condition})" for condition in conditions)
        times = ", ".join(f"(extract(epoch FROM {time}) * 1000000)::bigint" for time in ("time", "received_at"))
        joined = "logs JOIN batches ON number = sequence >> 16"
        rows = self._connection.execute(f"SELECT sequence, {times}{asked} FROM {joined} ORDER BY sequence").fetchall()
        return list(zip(*rows, strict=True)) or [()] * (len(conditions) + 3)

    def digest_of_first(self, node: str, records: int) -> str:
        """What tells the first records of a node's first batch from others: all of their columns that do not say when and
        by whom they were sent."""
        return str(self._one(_FIRST, node, f"00000000.{records:04d}")[0])

    def dead_letters(self) -> int:
        return int(self._one("SELECT count(*) FROM dead_letters")[0])

    def rows(self) -> int:
        return int(self._one("SELECT count(*) FROM logs")[0])

    def bytes(self) -> int:
        """On disk, of the rows with their indexes."""
        return int(self._one("SELECT hypertable_size('logs')")[0])

    def edition(self) -> str:
        return {"timescale": "community"}.get(str(self._one("SHOW timescaledb.license")[0]), "apache")

    def versions(self) -> str:
        server = self._one("SHOW server_version")[0]
        timescale = self._one("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")[0]
        return f"PostgreSQL {str(server).split()[0]}, TimescaleDB {timescale} ({self.edition()})"

    def _one(self, statement: str, *arguments: object) -> Any:
        return self._connection.execute(statement, arguments).fetchone()
