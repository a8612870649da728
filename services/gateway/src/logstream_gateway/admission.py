"""Decides which calls are let in and whose message may be received, so that the bytes of a process are bounded and no
connection takes the room of others. Pure: it must not know gRPC, and takes the time as an argument.

A slot is the right to receive one message. gRPC holds up to the largest message for a call whose message is asked for, and
nothing tells how much of it has come; for a call that isn't asked it holds no more than the flow-control window. So each
slot is paid with the bytes of the largest message, and a call is asked only once it has one.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from logstream_gateway.unavailable import Unavailable

# Slots there are however many bytes wait for the broker, which refuses what it can't hold.
_LEAST_SLOTS: Final = 4
# A connection that has none of its messages under way takes the slot of one whose message is slower than this: of one that
# has several, or of one that has this one alone, in shares of the time that a message has in any case. For a slow but honest
# sender there must be a time in which it gets through.
_GREEDY_S: Final = 2.0
_ALONE_SHARE: Final = 0.5


@dataclass(slots=True, eq=False)
class Reception:
    """A unary call until its message is here."""

    peer: str  # names its connection
    end: Callable[[Unavailable], None]  # ends the call while it has a slot
    since_s: float
    slot: bool = False
    slot_since_s: float = 0.0
    turn: "asyncio.Future[None] | None" = None  # done when a slot is given to a call that had to wait
    ended: bool = False


@dataclass(frozen=True, kw_only=True)
class Bounds:
    calls: int  # under way at a time, however far they are
    bytes: int  # of all messages that are received or wait for the broker
    message_bytes: int  # the largest message gRPC takes, with room for what it holds besides
    waiting: int  # calls without a slot; each may hold a flow-control window
    receive_s: float  # from a call's headers until its message is here


@dataclass(slots=True)
class _Peer:
    slots: int = 0
    waiting: deque[Reception] = field(default_factory=deque)


class Admission:
    """Called from one thread. `held_bytes` answers how many bytes wait for the broker."""

    def __init__(self, bounds: Bounds, held_bytes: Callable[[], int]) -> None:
        self._bounds = bounds
        self._held_bytes = held_bytes
        self._calls = 0
        self._slots = 0
        self._waiting = 0
        self._peers: dict[str, _Peer] = {}
        self._queue: OrderedDict[str, _Peer] = OrderedDict()  # those with waiting calls, next first
        self._receiving: dict[Reception, None] = {}  # oldest first
        self._refused_at_s = -1e9

    @property
    def calls(self) -> int:
        return self._calls

    @property
    def reserved_bytes(self) -> int:
        """Set aside for messages that are being received."""
        return self._slots * self._bounds.message_bytes

    def refused_since(self, moment_s: float) -> bool:
        """Whether a call was refused at or after this moment because of all others, not of those of its connection."""
        return self._refused_at_s >= moment_s

    def enter(self, now_s: float) -> None:
        """Counts a call in; leave() counts it out. Raises Unavailable."""
        if self._calls >= self._bounds.calls:
            self._refused_at_s = now_s
            raise Unavailable(
                "calls_full", f"{self._calls} calls are under way, LOGSTREAM_GATEWAY_CONCURRENT_CALLS={self._bounds.calls}"
            )
        self._calls += 1

    def leave(self) -> None:
        self._calls -= 1

    def begin(self, peer: str, end: Callable[[Unavailable], None], now_s: float) -> Reception:
        """A call that wants to receive. Without `slot` it must await `turn`. Raises Unavailable."""
        reception = Reception(peer, end, now_s)
        known = self._peers.get(peer)
        if known is None:
            known = self._peers[peer] = _Peer()
        if not known.waiting and self._may_take(known):
            known.slots += 1
            self._slots += 1
            reception.slot = True
            reception.slot_since_s = now_s
        elif self._waiting < self._bounds.waiting or not known.waiting:
            reception.turn = asyncio.get_running_loop().create_future()
            self._waiting += 1
            known.waiting.append(reception)
            self._queue.setdefault(peer, known)
        else:
            raise Unavailable("receiving_full", f"{self._waiting} calls wait for room to receive their message")
        self._receiving[reception] = None
        return reception

    def finish(self, reception: Reception, now_s: float) -> None:
        """The message is here and handed on, or never comes."""
        del self._receiving[reception]
        peer = self._peers[reception.peer]
        if reception.slot:
            reception.slot = False
            peer.slots -= 1
            self._slots -= 1
        else:
            peer.waiting.remove(reception)
            self._waiting -= 1
            if not peer.waiting:
                del self._queue[reception.peer]
        if not peer.slots and not peer.waiting:
            del self._peers[reception.peer]
        if self._waiting:
            self._give(now_s)

    def sweep(self, now_s: float) -> None:
        """Gives slots that became free, and ends calls whose message takes too long; to be called a few times a second."""
        self._give(now_s)
        late = []
        for reception in self._receiving:
            if now_s - reception.since_s < self._bounds.receive_s:
                break
            late.append(reception)
        for reception in late:
            self._end(reception, f"the message did not arrive within {self._bounds.receive_s:g} s")
        needy = sum(1 for peer in self._queue.values() if not peer.slots)
        for reception in self._in_the_way(now_s)[:needy] if needy else ():
            self._end(reception, f"the message did not arrive within {now_s - reception.since_s:.0f} s, and others wait")

    def _in_the_way(self, now_s: float) -> list[Reception]:
        """Whose slots others may have, those of the greediest connections first."""
        found = []
        for reception in self._receiving:
            if reception.ended or not reception.slot:
                continue
            alone = self._peers[reception.peer].slots < 2
            patience_s = self._bounds.receive_s * _ALONE_SHARE if alone else _GREEDY_S
            if now_s - reception.slot_since_s >= patience_s:
                found.append(reception)
        return sorted(found, key=lambda one: (-self._peers[one.peer].slots, one.since_s))

    def _end(self, reception: Reception, text: str) -> None:
        if not reception.ended:
            end_reception(reception, Unavailable("slow_message", text))

    def slow(self, now_s: float, than_s: float) -> list[Reception]:
        """Calls with a slot whose message takes longer than this."""
        return [one for one in self._receiving if one.slot and not one.ended and now_s - one.slot_since_s > than_s]

    def _may_take(self, peer: _Peer) -> bool:
        """A connection gets no more slots than are free: however greedy, it leaves half, and the next half of that.
        Source: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998."""
        bounds = self._bounds
        free = max(_LEAST_SLOTS, (bounds.bytes - self._held_bytes()) // bounds.message_bytes) - self._slots
        return free > 0 and (peer.slots < free or not peer.slots)

    def _give(self, now_s: float) -> None:
        """Gives free slots to the connections in turn."""
        given = True
        while given and self._queue:
            given = False
            for name, peer in list(self._queue.items()):
                if not self._may_take(peer):
                    continue
                given = True
                reception = peer.waiting.popleft()
                self._waiting -= 1
                if peer.waiting:
                    self._queue.move_to_end(name)
                else:
                    del self._queue[name]
                peer.slots += 1
                self._slots += 1
                reception.slot = True
                reception.slot_since_s = now_s
                turn, reception.turn = reception.turn, None
                if turn is not None and not turn.done():
                    turn.set_result(None)


def end_reception(reception: Reception, error: Unavailable) -> None:
    """Ends a call whose message isn't here, once."""
    reception.ended = True
    if reception.turn is not None and not reception.turn.done():
        reception.turn.set_exception(error)
    elif reception.slot:
        reception.end(error)
