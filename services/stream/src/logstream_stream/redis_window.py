"""The recent window in Redis, read only. The one module that knows redis; its errors leave as WindowAway."""

import logging
import threading
from contextlib import nullcontext

from logstream_contract.live_window import FIELD_BATCH, HEAD, NUMBERS, READ, WINDOW, position_of, window_id
from redis import BlockingConnectionPool, Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from logstream_stream.stored import read_entry
from logstream_stream.window import NAMES_READ, Entry, Reading, WindowAway

log = logging.getLogger(__name__)

_TIMEOUT_S = 1.0
_CONNECTIONS = 16
# Waiting for one of these is no sign that Redis is away: many viewers may come at a time.
_TURN_S = 30.0
# First screens that are read at a time. Each may go through all of the window; more of them would only take turns, and keep
# those who resume from a connection.
_FIRST_SCREENS = 4
# Other readings of entries at a time: each takes memory for the bytes it reads, several times over.
_RANGES = 4
# Of entries in one reading; one may have more.
_READ_BYTES = 512 * 1024


class RedisWindow:
    """A Window (see logstream_stream.window). Each call is one transaction of Redis and takes at most a few seconds."""

    def __init__(self, url: str) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_TURN_S,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            socket_keepalive=True,
            # One more try: a connection kept in the pool may be dead since Redis was restarted.
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis(connection_pool=pool)
        self._first_screens = threading.BoundedSemaphore(_FIRST_SCREENS)
        self._ranges = threading.BoundedSemaphore(_RANGES)

    def read(self, anchor: int | None, after: int, upto: int, count: int) -> Reading:
        ranged = count > 0 and upto > after
        pipe = self._redis.pipeline(transaction=True)
        pipe.hmget(HEAD, "epoch", "position")
        if anchor:
            pipe.zrangebyscore(NUMBERS, anchor, anchor, withscores=True)
        else:
            pipe.zrange(NUMBERS, -NAMES_READ if anchor == 0 else -1, -1, withscores=True)
        if ranged:
            pipe.eval(READ, 1, WINDOW, window_id(after + 1), window_id(upto), count, _READ_BYTES, 0)
        try:
            with self._ranges if ranged else nullcontext():
                (epoch, position), named, *rest = pipe.execute()
        except (RedisError, OSError) as error:
            raise WindowAway(str(error)) from error
        more, raw = rest[0] if ranged else (False, [])
        complete_to = after
        if ranged:
            complete_to = position_of(raw[-1][0]) if more else upto
        newest = int(position or 0)
        names = {int(score): name.decode() for name, score in named}
        found = None if anchor is None else names.get(anchor or newest)
        entries, unreadable = _entries(raw)
        return Reading(_text(epoch), newest, found, entries, complete_to, unreadable, names if anchor == 0 else {})

    def latest(self, upto: int, count: int) -> Reading:
        pipe = self._redis.pipeline(transaction=True)
        pipe.hmget(HEAD, "epoch", "position")
        pipe.eval(READ, 1, WINDOW, window_id(upto), "-", count, _READ_BYTES, 1)
        try:
            with self._first_screens:
                (epoch, position), (_, raw) = pipe.execute()
        except (RedisError, OSError) as error:
            raise WindowAway(str(error)) from error
        lowest = position_of(raw[-1][0]) if raw else 0
        entries, unreadable = _entries(raw)
        return Reading(_text(epoch), int(position or 0), None, entries, lowest, unreadable)

    def close(self) -> None:
        self._redis.close()


def _text(raw: bytes | None) -> str:
    return raw.decode(errors="replace") if raw else ""


def _entries(raw: list[tuple[bytes, list[bytes]]]) -> tuple[list[Entry], frozenset[int]]:
    """The entries that can be read, and the positions of those that can't, which their readers announce as gaps."""
    entries, unreadable = [], []
    for entry_id, fields in raw:
        position = position_of(entry_id)
        try:
            entries.append(Entry(position, read_entry(fields[fields.index(FIELD_BATCH) + 1])))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 whatever is wrong with an entry is wrong with that one alone
            log.debug("window entry can't be read", extra={"position": position, "error": str(error)})
            unreadable.append(position)
    return entries, frozenset(unreadable)
