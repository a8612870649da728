"""The PushStreams of a process: how many there are, and which ones end because they are silent, old or too many. Pure: it
must not know gRPC, and takes the time as an argument."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from logstream_gateway.unavailable import StreamEndReason, Unavailable, UnavailableReason

# A stream that is silent for this long is ended when there are too many and another one begins.
_CROWDED_S: Final = 5.0
# Spreads the ends of streams that began at the same time.
_AGE_JITTER: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class StreamBounds:
    streams: int
    idle_s: float  # without a batch
    age_s: float


@dataclass(slots=True, eq=False, kw_only=True)
class Stream:
    """A PushStream. `end` stops reading; batches that were read are still answered, then the call ends with the error."""

    peer: str
    end: Callable[[Unavailable], None]
    expires_s: float
    # When it began to wait for a batch; None while it handles one or the window of unanswered batches is full.
    silent_since_s: float | None
    ended: bool = False


class Streams:
    """Called from one thread. `count` is called with the reason when a stream is ended."""

    def __init__(self, bounds: StreamBounds, count: Callable[[StreamEndReason], None]) -> None:
        self._bounds = bounds
        self._count = count
        self._streams: dict[Stream, None] = {}
        self._refused_at_s = -1e9

    def __len__(self) -> int:
        return len(self._streams)

    def refused_since(self, moment_s: float) -> bool:
        """Whether a stream was refused at or after this moment."""
        return self._refused_at_s >= moment_s

    def open(self, peer: str, end: Callable[[Unavailable], None], now_s: float) -> Stream:
        """Registers a new stream; close() removes it. Raises Unavailable."""
        if len(self._streams) >= self._bounds.streams and not self._make_room(now_s):
            self._refused_at_s = now_s
            raise Unavailable(
                UnavailableReason.STREAMS_FULL,
                f"the limit of open PushStreams is reached: LOGSTREAM_GATEWAY_PUSH_STREAMS={self._bounds.streams}",
            )
        life_s = self._bounds.age_s * random.uniform(1 - _AGE_JITTER, 1)
        stream = Stream(peer=peer, end=end, expires_s=now_s + life_s, silent_since_s=now_s)
        self._streams[stream] = None
        return stream

    def close(self, stream: Stream) -> None:
        self._streams.pop(stream, None)

    def sweep(self, now_s: float) -> None:
        """Ends streams that are silent or old; to be called a few times a second."""
        for stream in list(self._streams):
            if stream.ended:
                continue
            if now_s >= stream.expires_s:
                self._end(stream, StreamEndReason.AGE, "the stream has reached its maximum age; open another")
            elif stream.silent_since_s is not None and now_s - stream.silent_since_s >= self._bounds.idle_s:
                self._end(
                    stream,
                    StreamEndReason.IDLE,
                    f"no batch for {self._bounds.idle_s:g} s; open another stream when there is one",
                )

    def shed(self, limit: int, now_s: float) -> int:
        """Ends streams that wait for a batch, of which parts may have arrived: first those of the connection that has the
        most, and of these the longest silent ones. Returns how many."""
        silent = [stream for stream in self._streams if stream.silent_since_s is not None and not stream.ended]
        by_peer: dict[str, int] = {}
        for stream in silent:
            by_peer[stream.peer] = by_peer.get(stream.peer, 0) + 1
        silent.sort(key=lambda stream: (-by_peer[stream.peer], stream.silent_since_s))
        for stream in silent[:limit]:
            self._end(stream, StreamEndReason.MEMORY, "the gateway is short of memory; open another stream and send again")
        return len(silent[:limit])

    def stop(self) -> None:
        """Ends all streams because the process stops."""
        for stream in list(self._streams):
            if not stream.ended:
                self._end(stream, StreamEndReason.STOPPING, "the gateway is stopping")

    def _make_room(self, now_s: float) -> bool:
        silent = [stream for stream in self._streams if stream.silent_since_s is not None and not stream.ended]
        if not silent:
            return False
        longest_silent = min(silent, key=lambda stream: stream.silent_since_s or 0.0)
        if now_s - (longest_silent.silent_since_s or 0.0) < _CROWDED_S:
            return False
        self._end(
            longest_silent,
            StreamEndReason.CROWDED,
            "too many PushStreams are open and this one was silent; open another when there is a batch",
        )
        self.close(longest_silent)
        return True

    def _end(self, stream: Stream, reason: StreamEndReason, text: str) -> None:
        stream.ended = True
        self._count(reason)
        stream.end(Unavailable(reason, text))
