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
from typing import Final, Protocol

from logstream_gateway.unavailable import Unavailable, UnavailableReason

# Slots there are however many bytes wait for the broker, which refuses what it can't hold.
_MIN_SLOTS: Final = 4
# A connection that has none of its messages under way takes the slot of one whose message is slower than this: of one that
# has several, or of one that has this one alone, in shares of the time that a message has in any case. For a slow but honest
# sender there must be a time in which it gets through.
_GREEDY_S: Final = 2.0
_ALONE_SHARE: Final = 0.5
# Slots are plenty until this part of them is taken.
_PLENTY_DIVISOR: Final = 2


class Call(Protocol):
    """What is used of a gRPC call."""

    def peer(self) -> str:
        """Names its connection. Takes microseconds, so it is asked only when there is little room."""


@dataclass(slots=True, eq=False, kw_only=True)
class Reception:
    """A unary call until its message is here."""

    call: Call
    method: str
    since_s: float
    slot: bool
    slot_since_s: float
    turn: "asyncio.Future[None] | None" = None  # done when a slot is given to a call that had to wait
    peer: str | None = None  # once it is asked
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
    """Called from one thread. `held_bytes` answers how many bytes wait for the broker.

    While few slots are taken nobody asks whose they are. Once they become scarce, each is counted for its connection.
    """

    def __init__(self, bounds: Bounds, held_bytes: Callable[[], int]) -> None:
        self._bounds = bounds
        self._held_bytes = held_bytes
        self._scarce = False
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
    def receiving(self) -> int:
        """Calls whose message isn't here."""
        return len(self._receiving)

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
                UnavailableReason.CALLS_FULL,
                f"{self._calls} calls are under way, LOGSTREAM_GATEWAY_CONCURRENT_CALLS={self._bounds.calls}",
            )
        self._calls += 1

    def leave(self) -> None:
        self._calls -= 1

    def begin(self, method: str, call: Call, now_s: float) -> Reception:
        """A call that wants to receive. Without `slot` it must await `turn`. Raises Unavailable."""
        if not self._scarce and self._slots < self._all_slots() // _PLENTY_DIVISOR:
            reception = Reception(call=call, method=method, since_s=now_s, slot=True, slot_since_s=now_s)
            self._slots += 1
        else:
            reception = self._begin_counted(method, call, now_s)
        self._receiving[reception] = None
        return reception

    def _begin_counted(self, method: str, call: Call, now_s: float) -> Reception:
        if not self._scarce:
            self._scarce = True
            for receiving in self._receiving:
                if receiving.peer is None:
                    receiving.peer = receiving.call.peer()
                    self._peer(receiving.peer).slots += 1
        reception = Reception(call=call, method=method, since_s=now_s, slot=False, slot_since_s=now_s)
        name = reception.peer = call.peer()
        peer = self._peer(name)
        if not peer.waiting and _may_take(peer, self._free_slots()):
            peer.slots += 1
            self._slots += 1
            reception.slot = True
        elif self._waiting < self._bounds.waiting or not peer.waiting:
            reception.turn = asyncio.get_running_loop().create_future()
            self._waiting += 1
            peer.waiting.append(reception)
            self._queue.setdefault(name, peer)
        else:
            raise Unavailable(
                UnavailableReason.RECEIVING_FULL, f"{self._waiting} calls wait for room to receive their message"
            )
        return reception

    def finish(self, reception: Reception) -> None:
        """The message is here and handed on, or never comes."""
        del self._receiving[reception]
        if reception.slot:
            self._slots -= 1
        if reception.peer is not None:
            self._finish_counted(reception, reception.peer)
            if self._waiting:
                self._grant_slots(asyncio.get_running_loop().time())

    def _finish_counted(self, reception: Reception, name: str) -> None:
        peer = self._peers[name]
        if reception.slot:
            peer.slots -= 1
        else:
            peer.waiting.remove(reception)
            self._waiting -= 1
            if not peer.waiting:
                del self._queue[name]
        if not peer.slots and not peer.waiting:
            del self._peers[name]

    def _peer(self, name: str) -> _Peer:
        peer = self._peers.get(name)
        if peer is None:
            peer = self._peers[name] = _Peer()
        return peer

    def sweep(self, now_s: float) -> list[tuple[Reception, Unavailable]]:
        """Gives slots that became free, and answers which calls with a slot the caller has to end, since their messages take
        too long; to be called a few times a second."""
        self._grant_slots(now_s)
        ended: list[tuple[Reception, Unavailable]] = []
        for reception in self._receiving:
            if now_s - reception.since_s < self._bounds.receive_s:
                break
            ended += self._end(reception, f"the message did not arrive within {self._bounds.receive_s:g} s")
        needy = sum(1 for peer in self._queue.values() if not peer.slots)
        for reception in self._slow_receptions(now_s)[:needy] if needy else ():
            ended += self._end(
                reception, f"the message did not arrive within {now_s - reception.since_s:.0f} s, and others wait"
            )
        if self._scarce and not self._waiting and self._slots < self._all_slots() // _PLENTY_DIVISOR:
            self._scarce = False
        return ended

    def shed(self, limit: int, slower_than_s: float, now_s: float) -> tuple[int, list[tuple[Reception, Unavailable]]]:
        """Likewise, because memory is short: calls that take longer than this, and how many they are. Also those that wait
        for a slot, which end here: each holds up to a window, and each connection may have one."""
        slow = [
            reception
            for reception in self._receiving
            if not reception.ended and now_s - reception.slot_since_s > slower_than_s
        ][:limit]
        return len(slow), [ended for reception in slow for ended in self._end(reception, "the gateway is short of memory")]

    def _slow_receptions(self, now_s: float) -> list[Reception]:
        """Whose slots others may have, those of the greediest connections first."""
        slow = []
        for reception in self._receiving:
            if reception.ended or not reception.slot:
                continue
            timeout_s = self._bounds.receive_s * _ALONE_SHARE if self._slots_of_connection(reception) < 2 else _GREEDY_S
            if now_s - reception.slot_since_s >= timeout_s:
                slow.append(reception)
        return sorted(slow, key=lambda reception: (-self._slots_of_connection(reception), reception.since_s))

    def _slots_of_connection(self, reception: Reception) -> int:
        """Of the same connection."""
        return self._peers[reception.peer].slots if reception.peer is not None else 1

    def _end(self, reception: Reception, text: str) -> list[tuple[Reception, Unavailable]]:
        if reception.ended:
            return []
        reception.ended = True
        error = Unavailable(UnavailableReason.SLOW_MESSAGE, text)
        if reception.slot:
            return [(reception, error)]
        if reception.turn is not None and not reception.turn.done():
            reception.turn.set_exception(error)
        return []

    def _free_slots(self) -> int:
        return self._all_slots() - self._slots

    def _all_slots(self) -> int:
        return max(_MIN_SLOTS, (self._bounds.bytes - self._held_bytes()) // self._bounds.message_bytes)

    def _grant_slots(self, now_s: float) -> None:
        """Gives free slots to the connections in turn."""
        free = self._free_slots()
        # Who may not take now has a slot, so few are passed over, however many wait.
        while free > 0 and (name := next((name for name, peer in self._queue.items() if _may_take(peer, free)), None)):
            peer = self._queue[name]
            reception = peer.waiting.popleft()
            self._waiting -= 1
            if peer.waiting:
                self._queue.move_to_end(name)
            else:
                del self._queue[name]
            peer.slots += 1
            self._slots += 1
            free -= 1
            reception.slot = True
            reception.slot_since_s = now_s
            turn, reception.turn = reception.turn, None
            if turn is not None and not turn.done():
                turn.set_result(None)


def _may_take(peer: _Peer, free: int) -> bool:
    """A connection gets no more slots than are free: however greedy, it leaves half, and the next half of that.
    Source: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998."""
    return free > 0 and (peer.slots < free or not peer.slots)
