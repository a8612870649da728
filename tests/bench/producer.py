"""A producer process: sends at a given rate whatever the answers, keeps the bytes of each batch until it is answered, and
writes down when it was meant to be sent and when it was answered. It must not wait for one answer before the next batch."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from harness import wire

from bench.batches import ClientBatch, Kind, StampedBatch
from bench.exports import StampedExport
from bench.transports import OK, Grpc, Http, Transport, partly_refused

_POOL: Final = 16  # batches that are stamped in turn
_RETRY_S: Final = 0.2
# Past this many batches unanswered a producer waits, as a client whose buffer is full does.
_IN_FLIGHT: Final = 256


class Protocol(Enum):
    """What a producer speaks."""

    PUSH = "Push"
    OTLP_GRPC = "OTLP/gRPC"
    OTLP_HTTP = "OTLP/HTTP"


@dataclass(frozen=True)
class Phase:
    """records_per_s: of this producer alone; 0: as fast as answers come."""

    records_per_s: float
    seconds: float


@dataclass(frozen=True)
class Order:
    """What a producer process is to do, once it is told when to begin. address: a URL for OTLP over HTTP, else host:port."""

    address: str
    node: str
    seed: int
    phases: Sequence[Phase]
    delay_s: float = 0.0  # from the moment it is told, so that not all send in the same one
    kind: Kind = field(default_factory=Kind)
    client_encoding: bool = False
    in_flight: int = _IN_FLIGHT
    deadline_s: float = 15.0
    patience_s: float = 120.0
    protocol: Protocol = Protocol.PUSH


@dataclass
class Account:
    """What became of a producer's batches, in the order of their numbers. Times are nanoseconds since the Unix epoch."""

    node: str
    records: int  # of each batch
    phase: list[int] = field(default_factory=list)
    due_ns: list[int] = field(default_factory=list)
    batch_ids: list[bytes] = field(default_factory=list)
    answered_ns: list[int] = field(default_factory=list)  # 0: never
    retries: int = 0
    # Answers by status, success left out.
    statuses: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


# Slots of the counters that a producer shares with its parent: it says that it is ready, and is told when to begin, in
# nanoseconds since the Unix epoch.
SENT, ACKED, RETRIED, READY, BEGIN_NS, SLOTS = range(6)
_WAIT_S: Final = 60.0


def wait_to_begin(counters: Any) -> float:
    """Says that this producer is ready and sleeps until it is to begin: seconds since the Unix epoch."""
    counters[READY] = 1
    until = time.time() + _WAIT_S
    while not counters[BEGIN_NS]:
        if time.time() > until:
            raise TimeoutError("never told to begin")
        time.sleep(0.005)
    begin_at: float = counters[BEGIN_NS] / 1e9
    time.sleep(max(0.0, begin_at - time.time()))
    return begin_at


class Producer:
    def __init__(self, order: Order, counters: Any) -> None:
        self._order = order
        self._counters = counters
        self._transport = _transport(order)
        self._free = threading.Semaphore(order.in_flight)
        self._open = 0
        self._settled = threading.Condition()
        self._account = Account(order.node, order.kind.records)

    def run(self) -> Account:
        order = self._order
        make = _maker(order)
        pool = [make(order.node, order.kind, order.seed + i) for i in range(_POOL)]
        self._transport.open()
        number, due = 0, wait_to_begin(self._counters) + order.delay_s
        for index, phase in enumerate(order.phases):
            until = due + phase.seconds
            while due < until:
                late = due - time.time()
                if late > 0:
                    time.sleep(late)
                self._free.acquire()
                # As fast as answers come, a batch is due when there is room for it.
                due_ns = int(due * 1e9) if phase.records_per_s else time.time_ns()
                batch_id, raw = pool[number % _POOL].stamp(number, time.time_ns())
                self._send(number, index, due_ns, batch_id, raw)
                number += 1
                due = due + order.kind.records / phase.records_per_s if phase.records_per_s else time.time()
            due = until
        with self._settled:
            self._settled.wait_for(lambda: not self._open, order.patience_s)
        self._transport.close()
        return self._account

    def _send(self, number: int, phase: int, due_ns: int, batch_id: bytes, raw: bytes) -> None:
        account = self._account
        account.phase.append(phase)
        account.due_ns.append(due_ns)
        account.batch_ids.append(batch_id)
        account.answered_ns.append(0)
        with self._settled:
            self._open += 1
        self._counters[SENT] += account.records
        self._try(number, raw, time.monotonic() + self._order.patience_s)

    def _try(self, number: int, raw: bytes, give_up_at: float) -> None:
        self._transport.send(raw, lambda status, details: self._answered(number, raw, give_up_at, status, details))

    def _answered(self, number: int, raw: bytes, give_up_at: float, status: str, details: str) -> None:
        account = self._account
        # One transport answers in one thread, another in many.
        with self._settled:
            if status == OK:
                account.answered_ns[number] = time.time_ns()
                self._counters[ACKED] += account.records
            else:
                account.statuses[status] = account.statuses.get(status, 0) + 1
                if status in self._transport.faults and time.monotonic() < give_up_at:
                    account.retries += 1
                    self._counters[RETRIED] += 1
                    timer = threading.Timer(_RETRY_S, self._try, (number, raw, give_up_at))
                    timer.daemon = True
                    timer.start()
                    return
                account.refused.append(f"{account.node}: {status} {details}")
        self._free.release()
        with self._settled:
            self._open -= 1
            self._settled.notify_all()


def _maker(order: Order) -> type[StampedBatch] | type[ClientBatch] | type[StampedExport]:
    if order.protocol is not Protocol.PUSH:
        return StampedExport
    return ClientBatch if order.client_encoding else StampedBatch


def _transport(order: Order) -> Transport:
    match order.protocol:
        case Protocol.PUSH:
            return Grpc(order.address, wire.PUSH, order.deadline_s)
        case Protocol.OTLP_GRPC:
            return Grpc(order.address, wire.EXPORT, order.deadline_s, partly_refused)
        case Protocol.OTLP_HTTP:
            return Http(order.address, order.deadline_s)


def produce(order: Order, counters: Any, results: Any) -> None:
    """Runs in a process of its own; puts the Account, or the text of what went wrong."""
    try:
        results.put(Producer(order, counters).run())
    except Exception as error:  # noqa: BLE001 the parent reports it
        results.put(f"{order.node}: {error!r}")
