"""The recent window in Redis, read only. The one module that knows redis; its errors leave as WindowAway."""

import logging
import threading

from logstream_contract.batches import Undecodable
from logstream_contract.live_window import FIELD_BATCH, HEAD, NUMBERS, WINDOW, position_of, window_id
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

    def read(self, anchor: int | None, after: int, upto: int, count: int) -> Reading:
        ranged = count > 0 and upto > after
        pipe = self._redis.pipeline(transaction=True)
        pipe.hmget(HEAD, "epoch", "position")
        if anchor:
            pipe.zrangebyscore(NUMBERS, anchor, anchor, withscores=True)
        else:
            pipe.zrange(NUMBERS, -NAMES_READ if anchor == 0 else -1, -1, withscores=True)
        if ranged:
            pipe.xrange(WINDOW, window_id(after + 1), window_id(upto), count)
        try:
            (epoch, position), named, *rest = pipe.execute()
        except (RedisError, OSError) as error:
            raise WindowAway(str(error)) from error
        raw = rest[0] if ranged else []
        complete_to = after
        if ranged:
            complete_to = position_of(raw[-1][0]) if len(raw) == count else upto
        newest = int(position or 0)
        names = {int(score): name.decode() for name, score in named}
        found = None if anchor is None else names.get(anchor or newest)
        return Reading(_text(epoch), newest, found, _entries(raw), complete_to, names if anchor == 0 else {})

    def latest(self, upto: int, count: int) -> Reading:
        pipe = self._redis.pipeline(transaction=True)
        pipe.hmget(HEAD, "epoch", "position")
        pipe.xrevrange(WINDOW, window_id(upto), "-", count)
        try:
            with self._first_screens:
                (epoch, position), raw = pipe.execute()
        except (RedisError, OSError) as error:
            raise WindowAway(str(error)) from error
        return Reading(_text(epoch), int(position or 0), None, _entries(raw), upto)

    def close(self) -> None:
        self._redis.close()


def _text(raw: bytes | None) -> str:
    return raw.decode(errors="replace") if raw else ""


def _entries(raw: list[tuple[bytes, dict[bytes, bytes]]]) -> list[Entry]:
    """The entries that can be read; one that can't is missing, which its reader announces as a gap."""
    entries = []
    for entry_id, fields in raw:
        try:
            entries.append(Entry(position_of(entry_id), read_entry(fields[FIELD_BATCH])))
        except (Undecodable, KeyError) as error:
            log.error("window entry can't be read", extra={"id": entry_id.decode(), "error": str(error)})
    return entries
