"""What the database alone can take: plain binary COPY of the benchmark's own rows into the same table by one connection."""

import time
from typing import Final

import psycopg

from bench.database import Database

_TAKE: Final = """
COPY (SELECT time, sequence, severity, level, node, message, attributes FROM logs LIMIT {rows}) TO STDOUT (FORMAT BINARY)
"""
_GIVE: Final = "COPY logs (time, sequence, severity, level, node, message, attributes) FROM STDIN (FORMAT BINARY)"
_TIMES: Final = 3
_PIECE_BYTES: Final = 256 * 1024


def measure(database: Database, rows: int) -> float:
    """Rows a second, the median of three, of up to this many rows that the table holds. Empties the tables."""
    with psycopg.connect(database.url, application_name="logstream-bench") as connection:
        with connection.cursor().copy(_TAKE.format(rows=rows)) as taking:
            raw = b"".join(bytes(piece) for piece in taking)
        # The reading's lock would hold up the emptying.
        connection.commit()
        held = min(rows, database.rows())
        rates = []
        for _ in range(_TIMES):
            database.clear()
            database.checkpoint()
            began = time.monotonic()
            with connection.cursor().copy(_GIVE) as giving:
                for at in range(0, len(raw), _PIECE_BYTES):
                    giving.write(raw[at : at + _PIECE_BYTES])
            connection.commit()
            rates.append(held / (time.monotonic() - began))
    database.clear()
    return sorted(rates)[_TIMES // 2]
