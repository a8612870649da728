"""A producer process of SendLog calls: a fixed number of calls in flight, each answered before its place is taken again."""

import threading
import time
from typing import Any

import grpc
import numpy as np
from harness import wire
from harness.senders import CHANNEL_OPTIONS, seed_timestamp

from bench.batches import message_of, traces_of
from bench.producer import ACKED, SENT, Account, Order, wait_to_begin

_MESSAGES = 256


def call(order: Order, counters: Any, results: Any) -> None:
    """Runs in a process of its own, for the time of the first phase; puts the Account with one record a batch."""
    try:
        results.put(_Caller(order, counters).run())
    except Exception as error:  # noqa: BLE001 the parent reports it
        results.put(f"{order.node}: {error!r}")


class _Caller:
    def __init__(self, order: Order, counters: Any) -> None:
        self._order = order
        self._counters = counters
        self._channel = grpc.insecure_channel(order.address, options=CHANNEL_OPTIONS)
        self._call = self._channel.unary_unary(wire.SEND_LOG)
        self._account = Account(order.node, 1)
        self._until = 0.0
        self._lock = threading.Lock()
        self._open = 0
        self._ended = threading.Event()
        random = np.random.default_rng(order.seed)
        traces = traces_of(random)
        self._texts = [message_of(random, traces, 0, index) for index in range(_MESSAGES)]

    def run(self) -> Account:
        grpc.channel_ready_future(self._channel).result(30)
        self._until = wait_to_begin(self._counters) + self._order.phases[0].seconds
        self._open = self._order.in_flight
        for _ in range(self._order.in_flight):
            self._next()
        self._ended.wait(self._order.phases[0].seconds + self._order.deadline_s + 5)
        self._channel.close()
        return self._account

    def _next(self) -> None:
        account = self._account
        with self._lock:
            number = len(account.due_ns)
            account.phase.append(0)
            account.due_ns.append(time.time_ns())
            account.batch_ids.append(b"")
            account.answered_ns.append(0)
            self._counters[SENT] += 1
        level, _, text = self._texts[number % _MESSAGES]
        request = wire.compiled().LogRequest(
            node=self._order.node,
            timestamp=seed_timestamp(),
            level=level,
            message=f"{text[:-13]}{number:08d}.0000",
        )
        sent = self._call.future(request.SerializeToString(), timeout=self._order.deadline_s)
        sent.add_done_callback(lambda done: self._answered(number, done))

    def _answered(self, number: int, done: Any) -> None:
        account = self._account
        code = done.code()
        if code is grpc.StatusCode.OK:
            account.answered_ns[number] = time.time_ns()
            self._counters[ACKED] += 1
        else:
            account.statuses[code.name] = account.statuses.get(code.name, 0) + 1
        if time.time() < self._until:
            self._next()
            return
        with self._lock:
            self._open -= 1
            if not self._open:
                self._ended.set()
