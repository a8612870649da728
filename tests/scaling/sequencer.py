"""Measures what the one live sequencer takes: the writer's own script, on a Redis that is otherwise idle. It empties the
database it is given, so that must not be one in use.

    .venv/bin/python tests/scaling/sequencer.py redis://127.0.0.1:17006/9
"""

import os
import sys
import time
from typing import Final

import redis
from logstream_contract.wire import live_window

BATCH_BYTES: Final = 112_000
BATCH_RECORDS: Final = 1_000
WINDOW_BYTES: Final = 64 * 1024 * 1024
SECONDS: Final = 4.0


def main(url: str) -> None:
    client = redis.Redis.from_url(url)
    print(f"{'batches a call':>14} {'records a batch':>15} {'batches/s':>10} {'records/s':>12} {'µs of Redis a batch':>20}")
    for together, records, size in ((10, BATCH_RECORDS, BATCH_BYTES), (1, BATCH_RECORDS, BATCH_BYTES), (10, 5_000, 560_000)):
        batches, elapsed_s, busy_s = _measure(client, together, records, size)
        rate = batches / elapsed_s
        print(f"{together:14} {records:15} {rate:10,.0f} {rate * records:12,.0f} {busy_s / batches * 1e6:20.0f}")
    used, fullest = _filled(client, live_window.REMEMBERED_NUMBERS)
    print(f"memory with a full window and {live_window.REMEMBERED_NUMBERS:,} remembered batches: {used / 2**20:.0f} MiB")
    print(f"of it what is remembered: {fullest / 2**20:.0f} MiB")
    client.flushdb()


def _filled(client: redis.Redis, remembered: int) -> tuple[int, int]:
    """Bytes that Redis has more than when empty, and bytes of the remembered names."""
    client.flushdb()
    empty = int(client.info("memory")["used_memory"])
    append = client.register_script(live_window.APPEND)
    keys = (live_window.HEAD, live_window.WINDOW, live_window.SIZES, live_window.NUMBERS)
    # Small ones first, so that as many are remembered as can be; large ones last, so that the window is full of bytes.
    for size, batches in ((100, remembered), (BATCH_BYTES, WINDOW_BYTES // BATCH_BYTES + 10)):
        for first in range(0, batches, 100):
            arguments: list[str | int | bytes] = ["1", 0, 10**9, WINDOW_BYTES, remembered]
            for number in range(first, first + 100):
                name = live_window.batch_name(10**9 + size * batches + number, os.urandom(16))
                arguments += (name, 1, bytes(size))
            append(keys, arguments)
    return int(client.info("memory")["used_memory"]) - empty, int(client.memory_usage(live_window.NUMBERS) or 0)


def _measure(client: redis.Redis, together: int, records: int, size: int) -> tuple[int, float, float]:
    """Batches appended, seconds by the clock, seconds of Redis's processor."""
    client.flushdb()
    append = client.register_script(live_window.APPEND)
    keys = (live_window.HEAD, live_window.WINDOW, live_window.SIZES, live_window.NUMBERS)
    body = os.urandom(size)
    number = 0
    before_s = _busy_s(client)
    began_s = time.monotonic()
    while time.monotonic() - began_s < SECONDS:
        arguments: list[str | int | bytes] = ["1", 0, 100_000, WINDOW_BYTES, live_window.REMEMBERED_NUMBERS]
        for _ in range(together):
            number += 1
            arguments += (live_window.batch_name(number, number.to_bytes(16, "big")), records, body)
        append(keys, arguments)
    return number, time.monotonic() - began_s, _busy_s(client) - before_s


def _busy_s(client: redis.Redis) -> float:
    told = client.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


if __name__ == "__main__":
    main(sys.argv[1])
