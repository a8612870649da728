"""Decides which calls are accepted and which of them may receive their message, so that the bytes of a process are bounded
and no connection uses the room of others. Pure: it must not know gRPC, and takes the time as an argument.

A slot is the right to receive one message. When a handler reads a message, gRPC holds up to the largest message for it and
does not show how much of it has arrived. Before that, gRPC holds no more than a flow-control window. So each slot counts,
and a handler reads only once its call has one. An ordinary slot counts as more than a batch but less than the largest
message; where a larger one is to be expected, a slot counts as the largest. A request over HTTP says how long it is, and its
slot counts as that. What turns out to be larger than its slot is kept only if there is room.

Slots that count as more than ordinary ones are large. Several of them have half of the room at most. While one of them waits
for room, smaller ones leave it, so that it gets its turn however many of them there are.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from logstream_gateway.unavailable import Unavailable, UnavailableReason

# There is always room for this many ordinary slots, even when too many bytes wait for the broker: `publisher` refuses what
# exceeds its limit. A larger slot can then be had when there is no other.
_MIN_SLOTS: Final = 4
# A connection that waits without any slot takes one from a connection whose message is slow. For a connection with several
# slots, slow means longer than _GREEDY_S. For a connection with one slot, it means longer than _ALONE_SHARE of the time that
# every message has; a slow but honest sender needs some time in which it can finish.
_GREEDY_S: Final = 2.0
_ALONE_SHARE: Final = 0.5
# Slots become scarce when one in this many bytes is in use.
_PLENTY_DIVISOR: Final = 2
# Several large slots may use one in this many bytes.
_LARGE_DIVISOR: Final = 2


class Call(Protocol):
    """The part of a gRPC call that is used here."""

    def peer(self) -> str:
        """Identifies its connection. Takes microseconds, so it is called only when slots are scarce."""


@dataclass(slots=True, eq=False, kw_only=True)
class Reception:
    """A unary call until its message has been received and handed on."""

    call: Call
    method: str
    size_bytes: int  # what its slot counts as
    since_s: float  # when the call's headers arrived
    slot: bool
    slot_since_s: float  # when it got its slot, or began to wait for one
    turn: "asyncio.Future[None] | None" = None  # of a call that has to wait: done when it gets a slot
    peer: str | None = None  # its connection, once slots are scarce
    ended: bool = False  # by sweep() or shed(); its handler has not finished yet
    arrived: bool = False  # its handler keeps the slot while it takes the message apart


@dataclass(frozen=True, kw_only=True)
class Bounds:
    calls: int  # at a time, from their headers to their answer
    bytes: int  # of all messages that are being received or wait for the broker
    message_bytes: int  # what an ordinary slot counts as
    waiting: int  # calls without a slot; each may hold a flow-control window
    receive_s: float  # from a call's headers until its message has arrived


@dataclass(slots=True)
class _Peer:
    slots: int = 0
    slot_bytes: int = 0
    waiting: int = 0  # calls without a slot


class _Queue(OrderedDict[str, deque[Reception]]):
    """The waiting calls of each connection; the connection whose turn is next comes first."""

    def add(self, name: str, reception: Reception) -> None:
        self.setdefault(name, deque()).append(reception)

    def remove(self, name: str, reception: Reception) -> None:
        self[name].remove(reception)
        if not self[name]:
            del self[name]

    def take(self, name: str) -> Reception:
        reception = self[name].popleft()
        if self[name]:
            self.move_to_end(name)
        else:
            del self[name]
        return reception


class Admission:
    """Called from one thread. `held_bytes` returns how many bytes wait for the broker.

    While there are enough slots, connections are not counted. Once slots are scarce, each counts for its connection.
    """

    def __init__(self, bounds: Bounds, held_bytes: Callable[[], int]) -> None:
        self._bounds = bounds
        self._held_bytes = held_bytes
        self._scarce = False
        self._calls = 0
        self._slot_bytes = 0
        self._large_bytes = 0  # of these, in large slots
        self._waiting = 0
        self._peers: dict[str, _Peer] = {}
        self._queue = _Queue()
        self._large_queue = _Queue()
        self._receiving: dict[Reception, None] = {}  # oldest first
        self._refused_at_s = -1e9

    @property
    def calls(self) -> int:
        return self._calls

    @property
    def ordinary_bytes(self) -> int:
        """What an ordinary slot counts as."""
        return self._bounds.message_bytes

    @property
    def receiving(self) -> int:
        """Calls whose message has not arrived."""
        return len(self._receiving)

    @property
    def reserved_bytes(self) -> int:
        """Reserved for messages that are being received."""
        return self._slot_bytes

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

    def begin(self, method: str, call: Call, now_s: float, size_bytes: int | None = None) -> Reception:
        """Registers a call that wants to receive its message. Without a `slot` it must await `turn`. size_bytes: what the
        slot counts as, if not as an ordinary one. Raises Unavailable."""
        if size_bytes is None:
            size_bytes = self._bounds.message_bytes
        if not self._scarce and self._slot_bytes + size_bytes <= self._all_bytes() // _PLENTY_DIVISOR:
            reception = Reception(
                call=call, method=method, size_bytes=size_bytes, since_s=now_s, slot=True, slot_since_s=now_s
            )
            self._count_slot(size_bytes)
        else:
            reception = self._begin_counted(method, call, now_s, size_bytes)
        self._receiving[reception] = None
        return reception

    def _begin_counted(self, method: str, call: Call, now_s: float, size_bytes: int) -> Reception:
        if not self._scarce:
            self._scarce = True
            for receiving in self._receiving:
                if receiving.peer is None:
                    receiving.peer = receiving.call.peer()
                    peer = self._peer(receiving.peer)
                    peer.slots += 1
                    peer.slot_bytes += receiving.size_bytes
        reception = Reception(call=call, method=method, size_bytes=size_bytes, since_s=now_s, slot=False, slot_since_s=now_s)
        name = reception.peer = call.peer()
        peer = self._peer(name)
        if peer.waiting and self._waiting >= self._bounds.waiting:
            raise Unavailable(
                UnavailableReason.RECEIVING_FULL,
                f"{self._waiting} calls are already waiting for their message to be received",
            )
        self._waiting += 1
        peer.waiting += 1
        self._queue_of(reception).add(name, reception)
        self._grant_slots(now_s)
        if not reception.slot:
            reception.turn = asyncio.get_running_loop().create_future()
        return reception

    def arrive(self, reception: Reception, size_bytes: int) -> None:
        """The message has arrived, and will be kept for a while. Raises Unavailable if it is larger than its slot and there
        is no room for that."""
        more_bytes = size_bytes - reception.size_bytes
        if more_bytes > 0:
            if more_bytes > self._free_bytes():
                raise Unavailable(
                    UnavailableReason.RECEIVING_FULL,
                    f"{self._slot_bytes} bytes are reserved for other messages, and this one has {size_bytes}",
                )
            self._count_slot(-reception.size_bytes)
            reception.size_bytes = size_bytes
            self._count_slot(size_bytes)
            if reception.peer is not None:
                self._peers[reception.peer].slot_bytes += more_bytes
        reception.arrived = True

    def finish(self, reception: Reception) -> None:
        """The message was received and handed on, or will not arrive."""
        del self._receiving[reception]
        if reception.slot:
            self._count_slot(-reception.size_bytes)
        if reception.peer is not None:
            self._finish_counted(reception, reception.peer)
            if self._waiting:
                self._grant_slots(asyncio.get_running_loop().time())

    def _finish_counted(self, reception: Reception, name: str) -> None:
        peer = self._peers[name]
        if reception.slot:
            peer.slots -= 1
            peer.slot_bytes -= reception.size_bytes
        else:
            self._queue_of(reception).remove(name, reception)
            self._waiting -= 1
            peer.waiting -= 1
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
        needy = len({name for queue in (self._queue, self._large_queue) for name in queue if not self._peers[name].slots})
        for reception in self._slow_receptions(now_s)[:needy] if needy else ():
            ended += self._end(
                reception, f"the message did not arrive within {now_s - reception.since_s:.0f} s while other senders waited"
            )
        if self._scarce and not self._waiting and self._slot_bytes < self._all_bytes() // _PLENTY_DIVISOR:
            self._scarce = False
        return ended

    def shed(self, limit: int, slower_than_s: float, now_s: float) -> tuple[int, list[tuple[Reception, Unavailable]]]:
        """Ends calls that take longer than this because memory is short. Returns how many, and those with a slot, which the
        caller has to end. Calls without a slot are included: each holds up to a window, and each connection may have one."""
        slow = [
            reception
            for reception in self._receiving
            if not (reception.ended or reception.arrived) and now_s - reception.slot_since_s > slower_than_s
        ][:limit]
        return len(slow), [ended for reception in slow for ended in self._end(reception, "the gateway is short of memory")]

    def _slow_receptions(self, now_s: float) -> list[Reception]:
        """Calls whose slots other connections may take, those of the connection with the most slots first."""
        slow = []
        for reception in self._receiving:
            if reception.ended or reception.arrived or not reception.slot:
                continue
            timeout_s = self._bounds.receive_s * _ALONE_SHARE if self._slots_of_connection(reception) < 2 else _GREEDY_S
            if now_s - reception.slot_since_s >= timeout_s:
                slow.append(reception)
        return sorted(slow, key=lambda reception: (-self._slots_of_connection(reception), reception.since_s))

    def _slots_of_connection(self, reception: Reception) -> int:
        """The number of slots of the call's connection."""
        return self._peers[reception.peer].slots if reception.peer is not None else 1

    def _end(self, reception: Reception, text: str) -> list[tuple[Reception, Unavailable]]:
        if reception.ended or reception.arrived:
            return []
        reception.ended = True
        error = Unavailable(UnavailableReason.SLOW_MESSAGE, text)
        if reception.slot:
            return [(reception, error)]
        if reception.turn is not None and not reception.turn.done():
            reception.turn.set_exception(error)
        return []

    def _free_bytes(self) -> int:
        return self._all_bytes() - self._slot_bytes

    def _all_bytes(self) -> int:
        return max(_MIN_SLOTS * self._bounds.message_bytes, self._bounds.bytes - self._held_bytes())

    def _count_slot(self, size_bytes: int) -> None:
        """size_bytes: negative when it is given back."""
        self._slot_bytes += size_bytes
        if self._is_large(abs(size_bytes)):
            self._large_bytes += size_bytes

    def _is_large(self, size_bytes: int) -> bool:
        return size_bytes > self._bounds.message_bytes

    def _queue_of(self, reception: Reception) -> _Queue:
        return self._large_queue if self._is_large(reception.size_bytes) else self._queue

    def _grant_slots(self, now_s: float) -> None:
        """Grants free slots to the connections in turn."""
        for queue in (self._large_queue, self._queue):
            while name := self._next(queue):
                reception = queue.take(name)
                self._waiting -= 1
                peer = self._peers[name]
                peer.waiting -= 1
                peer.slots += 1
                peer.slot_bytes += reception.size_bytes
                self._count_slot(reception.size_bytes)
                reception.slot = True
                reception.slot_since_s = now_s
                turn, reception.turn = reception.turn, None
                if turn is not None and not turn.done():
                    turn.set_result(None)

    def _next(self, queue: _Queue) -> str | None:
        """The connection that may take the next slot. Those that have too much already are passed over; they are few,
        however many wait. The first other one waits for the room that it needs, so that it gets it in the end."""
        for name, waiting in queue.items():
            size_bytes = waiting[0].size_bytes
            if not self._has_enough(self._peers[name], size_bytes):
                return name if self._has_room(size_bytes) else None
        return None

    def _has_enough(self, peer: _Peer, size_bytes: int) -> bool:
        """A connection gets no more than is left free: the greediest one leaves half, the next one half of the rest.
        Source: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998."""
        return peer.slots > 0 and peer.slot_bytes + size_bytes > self._free_bytes()

    def _has_room(self, size_bytes: int) -> bool:
        if not self._slot_bytes:
            return True
        if self._is_large(size_bytes):
            return size_bytes <= self._free_bytes() and self._may_be_large(size_bytes)
        return size_bytes <= self._free_bytes() - self._left_for_large_bytes()

    def _may_be_large(self, size_bytes: int) -> bool:
        if not self._large_bytes:
            return size_bytes <= self._all_bytes()
        return self._large_bytes + size_bytes <= self._all_bytes() // _LARGE_DIVISOR

    def _left_for_large_bytes(self) -> int:
        """What smaller slots leave to the large one whose turn is next, if its connection has none."""
        for name, waiting in self._large_queue.items():
            if not self._peers[name].slots:
                size_bytes = waiting[0].size_bytes
                return size_bytes if self._may_be_large(size_bytes) else 0
        return 0
