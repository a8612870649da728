"""Reads the recent window from Redis. It is the only module that knows redis; its errors become WindowUnavailable."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from logstream_contract.wire.live_window import FIELD_BATCH, HEAD, NUMBERS, READ, WINDOW, position_of, window_id
from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from logstream_stream.arriving.stored import read_entry
from logstream_stream.arriving.window import NAMES_READ, Entry, WindowSnapshot, WindowUnavailable

log = logging.getLogger(__name__)

_TIMEOUT_S = 1.0
_CONNECTIONS = 16
# Waiting for a connection does not mean that Redis is unavailable: many viewers may arrive at once.
_TURN_S = 30.0
# First screens that are read at the same time. Each may read the whole window. More of them would only take turns, and would
# keep connections from viewers who resume.
_FIRST_SCREENS = 4
# Bytes of entries in one snapshot, which takes several times as much memory.
_READ_BYTES = 512 * 1024
# A larger entry is read alone, and this many of them at the same time.
_LARGE_BYTES = 2**31
_LARGE_ENTRIES = 4
# What READ returns for such an entry.
_TOO_LARGE = 2


class RedisWindow:
    """A Window (see arriving.window). Each call is one Redis transaction and takes at most a few seconds."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_TURN_S,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            socket_keepalive=True,
            # One retry: a pooled connection may be dead after a restart of Redis.
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis(connection_pool=pool)
        self._first_screens = _Turns(_FIRST_SCREENS)
        self._large = _Turns(_LARGE_ENTRIES)

    def read(self, *, anchor: int | None, after: int, upto: int, count: int) -> WindowSnapshot:
        ranged = count > 0 and upto > after

        def query(count: int, size: int) -> Any:
            pipe = self._redis.pipeline(transaction=True)
            pipe.hmget(HEAD, "epoch", "position")
            if anchor:
                pipe.zrangebyscore(NUMBERS, anchor, anchor, withscores=True)
            else:
                pipe.zrange(NUMBERS, -NAMES_READ if anchor == 0 else -1, -1, withscores=True)
            if ranged:
                pipe.eval(READ, 1, WINDOW, window_id(after + 1), window_id(upto), count, size, 0)
            return pipe.execute()

        (epoch, position), scored_names, *rest = self._query(query, count)
        more, raw = rest[0] if ranged else (False, [])
        complete_to = after
        if ranged:
            complete_to = position_of(raw[-1][0]) if more else upto
        newest = int(position or 0)
        names = {int(score): name.decode() for name, score in scored_names}
        entries, unreadable = _entries(raw)
        return WindowSnapshot(
            epoch=_text(epoch),
            position=newest,
            anchor=None if anchor is None else names.get(anchor or newest),
            entries=entries,
            complete_to=complete_to,
            unreadable=unreadable,
            names=names if anchor == 0 else {},
        )

    def latest(self, upto: int, count: int) -> WindowSnapshot:
        def query(count: int, size: int) -> Any:
            pipe = self._redis.pipeline(transaction=True)
            pipe.hmget(HEAD, "epoch", "position")
            pipe.eval(READ, 1, WINDOW, window_id(upto), "-", count, size, 1)
            return pipe.execute()

        with self._first_screens:
            (epoch, position), (_, raw) = self._query(query, count)
        lowest = position_of(raw[-1][0]) if raw else 0
        entries, unreadable = _entries(raw)
        return WindowSnapshot(
            epoch=_text(epoch),
            position=int(position or 0),
            anchor=None,
            entries=entries,
            complete_to=lowest,
            unreadable=unreadable,
        )

    def _query(self, query: Callable[[int, int], Any], count: int) -> Any:
        """The result of query(count, bytes). A large entry is queried alone."""
        try:
            reply = query(count, _READ_BYTES)
            if isinstance(reply[-1], list) and reply[-1] and reply[-1][0] == _TOO_LARGE:
                with self._large:
                    reply = query(1, _LARGE_BYTES)
        except (RedisError, OSError) as error:
            raise WindowUnavailable(str(error)) from error
        return reply


class _Turns:
    """Lets `count` callers in at a time. One who leaves and comes back at once does not overtake those who wait."""

    def __init__(self, count: int) -> None:
        self._room = threading.BoundedSemaphore(count)

    def __enter__(self) -> None:
        self._room.acquire()

    def __exit__(self, *error: object) -> None:
        self._room.release()
        time.sleep(0)


def _text(raw: bytes | None) -> str:
    return raw.decode(errors="replace") if raw else ""


def _entries(raw: list[tuple[bytes, list[bytes]]]) -> tuple[list[Entry], frozenset[int]]:
    """The readable entries, and the positions of the others, which the caller announces as gaps."""
    entries, unreadable = [], []
    for entry_id, fields in raw:
        position = position_of(entry_id)
        try:
            entries.append(Entry(position, read_entry(fields[fields.index(FIELD_BATCH) + 1])))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 a bad entry must not affect the others
            log.debug("a window entry cannot be read", extra={"position": position, "error": str(error)})
            unreadable.append(position)
    return entries, frozenset(unreadable)
