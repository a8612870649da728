"""A small shop whose services log, the same things every time, so that pictures of the page show something believable."""

import json
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any

from harness import wire
from harness.senders import channel, new_batch_id

DEADLINE_S = 30
CUSTOMERS = 900
# The payment provider answers slowly for some minutes, and what depends on it complains.
TROUBLE_BEGAN_S, TROUBLE_ENDED_S = 22 * 60, 17 * 60


@dataclass(frozen=True)
class Line:
    """What a service logged so many seconds before now."""

    age_s: float
    node: str
    level: str
    message: str
    attributes: dict[str, str] = field(default_factory=dict)


class Shop:
    """Everything comes from the seed, but the time."""

    def __init__(self, gateway: str, seed: int = 7) -> None:
        self._channel = channel(gateway)
        self._push = self._channel.unary_unary(wire.PUSH, response_deserializer=wire.compiled().PushResult.FromString)
        self._chance = random.Random(seed)

    def close(self) -> None:
        self._channel.close()

    def log_history(self, seconds: float, requests: int) -> int:
        """Logs what so many requests made the services say in the time before now; answers how many records that are."""
        ages = sorted((self._chance.uniform(1, seconds) for _ in range(requests)), reverse=True)
        return self._send(line for age_s in ages for line in self._request(age_s))

    def log_now(self) -> int:
        """Logs what one request makes them say."""
        return self._send(self._request(0.0))

    def _send(self, lines: Iterable[Line]) -> int:
        classes = wire.compiled()
        now_ns = time.time_ns()
        ordered = sorted(lines, key=attrgetter("node"))
        for node, found in groupby(ordered, key=attrgetter("node")):
            records = [
                classes.LogRecord(
                    time_unix_nano=now_ns - int(line.age_s * 1e9),
                    level=line.level,
                    message=line.message,
                    attributes=line.attributes,
                )
                for line in sorted(found, key=attrgetter("age_s"), reverse=True)
            ]
            batch = classes.LogBatch(batch_id=new_batch_id(), node=node, records=records)
            result: Any = self._push(batch.SerializeToString(), timeout=DEADLINE_S)
            assert result.accepted == len(records)
        return len(ordered)

    def _request(self, age_s: float) -> Iterator[Line]:
        """What a customer's click makes the services log, a few milliseconds apart."""
        chance = self._chance
        customer, order = f"c-{chance.randrange(CUSTOMERS):05d}", chance.randrange(40_000, 90_000)
        trace = f"{chance.getrandbits(64):016x}"
        edge = f"edge-{chance.randrange(1, 3)}"
        common = {"trace_id": trace}
        taken_ms = round(chance.lognormvariate(3.6, 0.6))
        if chance.random() < 0.6:
            sku = f"SKU-{chance.randrange(2_000):04d}"
            yield Line(age_s, edge, "http", f"GET /products/{sku} 200 in {taken_ms} ms", common)
            if chance.random() < 0.25:
                yield Line(
                    age_s, "catalog-1", "debug", f"cache miss for {sku}, read from shard {chance.randrange(8)}", common
                )
            return
        trouble = TROUBLE_ENDED_S < age_s < TROUBLE_BEGAN_S and chance.random() < 0.7
        paid = {**common, "order": str(order), "customer": customer}
        yield Line(age_s, "checkout-1", "info", f"order {order} placed by {customer}, {chance.randrange(1, 6)} items", paid)
        if trouble or chance.random() < 0.02:
            detail = {"provider": "cardnet", "attempt": 3, "timeout_ms": 5000, "order": order, "retry": False}
            yield Line(age_s - 0.4, "payments-1", "warn", f"no answer from cardnet for order {order}, attempt 2 of 3", paid)
            yield Line(
                age_s - 0.7, "payments-1", "error", f"payment failed {json.dumps(detail)}", paid | {"amount": "39.90"}
            )
            yield Line(age_s - 0.8, edge, "http", f"POST /checkout 503 in {5_000 + taken_ms} ms", common)
            return
        yield Line(age_s - 0.1, "payments-1", "info", f"order {order} paid through cardnet in {taken_ms * 3} ms", paid)
        yield Line(age_s - 0.15, edge, "http", f"POST /checkout 201 in {taken_ms * 4} ms", common)
        if chance.random() < 0.1:
            left = chance.randrange(1, 5)
            yield Line(age_s - 0.2, "inventory-1", "warn", f"only {left} left of SKU-{chance.randrange(2_000):04d}", common)
        yield Line(age_s - 0.3, "mailer-1", "info", f"confirmation of order {order} sent to {customer}", paid)
