"""Decides which calls are accepted and which of them may receive their message, so that the bytes of a process are bounded
and no connection uses the room of others. Pure: it must not know gRPC, and takes the time as an argument.

A slot is the right to receive one message. When a handler reads a message, gRPC holds up to the largest message for it and
does not show how much of it has arrived. Before that, gRPC holds no more than a flow-control window. So each slot counts as
the bytes of the largest message, and a handler reads only once its call has a slot.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from logstream_gateway.unavailable import Unavailable, UnavailableReason

# There are always this many slots, even when too many bytes wait for the broker: `publisher` refuses what exceeds its limit.
_MIN_SLOTS: Final = 4
# A connection that waits without any slot takes one from a connection whose message is slow. For a connection with several
# slots, slow means longer than _GREEDY_S. For a connection with one slot, it means longer than _ALONE_SHARE of the time that
# every message has; a slow but honest sender needs some time in which it can finish.
_GREEDY_S: Final = 2.0
_ALONE_SHARE: Final = 0.5
# Slots become scarce when one in this many is in use.
_PLENTY_DIVISOR: Final = 2


class Call(Protocol):
    """The part of a gRPC call that is used here."""

    def peer(self) -> str:
        """Identifies its connection. Takes microseconds, so it is called only when slots are scarce."""


@dataclass(slots=True, eq=False, kw_only=True)
class Reception:
    """A unary call until its message has arrived."""

    call: Call
    method: str
    since_s: float  # when the call's headers arrived
    slot: bool
    slot_since_s: float  # when it got its slot, or began to wait for one
    turn: "asyncio.Future[None] | None" = None  # of a call that has to wait: done when it gets a slot
    peer: str | None = None  # its connection, once slots are scarce
    ended: bool = False  # by sweep() or shed(); its handler has not finished yet


@dataclass(frozen=True, kw_only=True)
class Bounds:
    calls: int  # at a time, from their headers to their answer
    bytes: int  # of all messages that are being received or wait for the broker
    message_bytes: int  # the largest message that gRPC accepts
    waiting: int  # calls without a slot; each may hold a flow-control window
    receive_s: float  # from a call's headers until its message has arrived


@dataclass(slots=True)
class _Peer:
    slots: int = 0
    waiting: deque[Reception] = field(default_factory=deque)


class Admission:
    """Called from one thread. `held_bytes` returns how many bytes wait for the broker.

    While there are enough slots, connections are not counted. Once slots are scarce, each counts for its connection.
    """

    def __init__(self, bounds: Bounds, held_bytes: Callable[[], int]) -> None:
        self._bounds = bounds
        self._held_bytes = held_bytes
        self._scarce = False
        self._calls = 0
        self._slots = 0
        self._waiting = 0
        self._peers: dict[str, _Peer] = {}
        self._queue: OrderedDict[str, _Peer] = OrderedDict()  # those with waiting calls, the next one first
        self._receiving: dict[Reception, None] = {}  # oldest first
        self._refused_at_s = -1e9

    @property
    def calls(self) -> int:
        return self._calls

    @property
    def receiving(self) -> int:
        """Calls whose message has not arrived."""
        return len(self._receiving)

    @property
    def reserved_bytes(self) -> int:
        """Reserved for messages that are being received."""
        return self._slots * self._bounds.message_bytes

    def refused_since(self, moment_s: float) -> bool:
        """Whether a call was refused at or after this moment because of all calls, not because of its own connection's."""
        return self._refused_at_s >= moment_s

    def enter(self, now_s: float) -> None:
        """Counts a call in; leave() counts it out. Raises Unavailable."""
        if self._calls >= self._bounds.calls:
            self._refused_at_s = now_s
            raise Unavailable(
                UnavailableReason.CALLS_FULL,
                f"the limit of concurrent calls is reached: LOGSTREAM_GATEWAY_CONCURRENT_CALLS={self._bounds.calls}",
            )
        self._calls += 1

    def leave(self) -> None:
        self._calls -= 1

    def begin(self, method: str, call: Call, now_s: float) -> Reception:
        """Registers a call that wants to receive its message. Without a `slot` it must await `turn`. Raises Unavailable."""
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
                UnavailableReason.RECEIVING_FULL,
                f"{self._waiting} calls are already waiting for their message to be received",
            )
        return reception

    def finish(self, reception: Reception) -> None:
        """The message was received and handed on, or will not arrive."""
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
        """Grants free slots and ends calls whose messages take too long. Those without a slot end here; those with a slot
        are returned, and the caller has to end them. To be called a few times a second."""
        self._grant_slots(now_s)
        ended: list[tuple[Reception, Unavailable]] = []
        for reception in self._receiving:
            if now_s - reception.since_s < self._bounds.receive_s:
                break
            ended += self._end(reception, f"the message did not arrive within {self._bounds.receive_s:g} s")
        needy = sum(1 for peer in self._queue.values() if not peer.slots)
        for reception in self._slow_receptions(now_s)[:needy] if needy else ():
            ended += self._end(
                reception, f"the message did not arrive within {now_s - reception.since_s:.0f} s while other senders waited"
            )
        if self._scarce and not self._waiting and self._slots < self._all_slots() // _PLENTY_DIVISOR:
            self._scarce = False
        return ended

    def shed(self, limit: int, slower_than_s: float, now_s: float) -> tuple[int, list[tuple[Reception, Unavailable]]]:
        """Ends calls that take longer than this because memory is short. Returns how many, and those with a slot, which the
        caller has to end. Calls without a slot are included: each holds up to a window, and each connection may have one."""
        slow = [
            reception
            for reception in self._receiving
            if not reception.ended and now_s - reception.slot_since_s > slower_than_s
        ][:limit]
        return len(slow), [ended for reception in slow for ended in self._end(reception, "the gateway is short of memory")]

    def _slow_receptions(self, now_s: float) -> list[Reception]:
        """Calls whose slots other connections may take, those of the connection with the most slots first."""
        slow = []
        for reception in self._receiving:
            if reception.ended or not reception.slot:
                continue
            timeout_s = self._bounds.receive_s * _ALONE_SHARE if self._slots_of_connection(reception) < 2 else _GREEDY_S
            if now_s - reception.slot_since_s >= timeout_s:
                slow.append(reception)
        return sorted(slow, key=lambda reception: (-self._slots_of_connection(reception), reception.since_s))

    def _slots_of_connection(self, reception: Reception) -> int:
        """The number of slots of the call's connection."""
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
        """Grants free slots to the connections in turn."""
        free = self._free_slots()
        # A connection that may not take a slot now already has one, so few are skipped, however many wait.
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
    """A connection gets no more slots than are free: the greediest one leaves half of them, the next one half of the rest.
    Source: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998."""
    return free > 0 and (peer.slots < free or not peer.slots)
