"""The PushStreams of a process: how many there are, and which end because they are silent, old or in the way. Pure: it must
not know gRPC, and takes the time as an argument."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from logstream_gateway.unavailable import StreamEndReason, Unavailable, UnavailableReason

# A stream silent for this long makes room when another wants to begin.
_CROWDED_S: Final = 5.0
# Streams of one age don't end together.
_AGE_JITTER: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class StreamBounds:
    streams: int
    idle_s: float  # without a batch
    age_s: float


@dataclass(slots=True, eq=False, kw_only=True)
class Stream:
    """A PushStream. `end` stops reading; what was read is still answered, and then the call ends with the error."""

    peer: str
    end: Callable[[Unavailable], None]
    expires_s: float
    # Since when it waits for a batch; None while one is handled or the window of unanswered ones is full.
    silent_since_s: float | None
    ended: bool = False


class Streams:
    """Called from one thread. `count` hears the reason for which a stream is ended."""

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
        """A new stream; close() forgets it. Raises Unavailable."""
        if len(self._streams) >= self._bounds.streams and not self._make_room(now_s):
            self._refused_at_s = now_s
            raise Unavailable(
                UnavailableReason.STREAMS_FULL,
                f"{len(self._streams)} PushStreams, LOGSTREAM_GATEWAY_PUSH_STREAMS={self._bounds.streams}",
            )
        life_s = self._bounds.age_s * random.uniform(1 - _AGE_JITTER, 1)
        stream = Stream(peer=peer, end=end, expires_s=now_s + life_s, silent_since_s=now_s)
        self._streams[stream] = None
        return stream

    def close(self, stream: Stream) -> None:
        self._streams.pop(stream, None)

    def sweep(self, now_s: float) -> None:
        """Ends what is silent or old; to be called a few times a second."""
        for stream in list(self._streams):
            if stream.ended:
                continue
            if now_s >= stream.expires_s:
                self._end(stream, StreamEndReason.AGE, "the stream is old enough; open another")
            elif stream.silent_since_s is not None and now_s - stream.silent_since_s >= self._bounds.idle_s:
                self._end(
                    stream,
                    StreamEndReason.IDLE,
                    f"no batch for {self._bounds.idle_s:g} s; open another stream when there is one",
                )

    def shed(self, limit: int, now_s: float) -> int:
        """Ends streams that wait for a batch, of which parts may have come: first those of the connection that has most,
        the longest silent first. Returns how many."""
        silent = [stream for stream in self._streams if stream.silent_since_s is not None and not stream.ended]
        by_peer: dict[str, int] = {}
        for stream in silent:
            by_peer[stream.peer] = by_peer.get(stream.peer, 0) + 1
        silent.sort(key=lambda stream: (-by_peer[stream.peer], stream.silent_since_s))
        for stream in silent[:limit]:
            self._end(stream, StreamEndReason.MEMORY, "the gateway is short of memory; open another stream and send again")
        return len(silent[:limit])

    def stop(self) -> None:
        """Ends all: the process stops."""
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
            "others need the room of this silent stream; open another when there is a batch",
        )
        self.close(longest_silent)
        return True

    def _end(self, stream: Stream, reason: StreamEndReason, text: str) -> None:
        stream.ended = True
        self._count(reason)
        stream.end(Unavailable(reason, text))
