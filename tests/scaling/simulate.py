"""Simulates the pipeline of docs/scaling.md: programs with the processor times that docs/performance.md has, on one machine
and on shards. Seeded and without a clock: the same figures each time. It must not be taken for a measurement.

    .venv/bin/python tests/scaling/simulate.py
"""

import functools
import hashlib
import random
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import simpy

SEED: Final = 20_240_806
# A message carries a batch of so many records, as in the bench.
BATCH: Final = 1_000
NODES: Final = 1_000
# Batches that are spread over shards.
KEYS: Final = 200_000


@dataclass(frozen=True)
class Costs:
    """Processor time of a record in µs: until it is accepted, and from there until it is stored and shown. `beside`: what
    the bench's own senders, viewer and sampler take of the same machine."""

    accept: float
    store: float
    beside: float = 0.0


# RabbitMQ's share is halved: it takes a message in and gives it out.
def costs(
    gateway: float,
    rabbitmq: float,
    writer: float,
    database: float,
    redis: float,
    stream: float,
    page: float,
    beside: float = 0,
) -> Costs:
    return Costs(gateway + rabbitmq / 2, rabbitmq / 2 + writer + database + redis + stream + page, beside)


@dataclass(frozen=True)
class Outcome:
    """accepted_in_s and stored_in_s: since the first record. peak: most records that were accepted and not stored."""

    accepted_in_s: float
    stored_in_s: float
    peak: int
    stored: int


def one_machine(cost: Costs, rate: float, seconds: float, cores: int = 2) -> Outcome:
    """Everything on one machine. Sending comes first, as it did in the bench, whose senders were never held up for long."""
    world = simpy.Environment()
    processors = simpy.PriorityResource(world, capacity=cores)
    queue = simpy.Store(world)
    batches = round(rate * seconds / BATCH)
    seen = {"accepted": 0.0, "stored": 0.0}
    stored = peak = accepted = 0

    def work(micros: float, priority: int) -> Generator[simpy.Event, Any, None]:
        with processors.request(priority=priority) as turn:
            yield turn
            yield world.timeout(micros * BATCH / 1e6)

    def send(number: int) -> Generator[simpy.Event, Any, None]:
        nonlocal accepted, peak
        yield world.timeout(number * BATCH / rate)
        yield from work(cost.accept + cost.beside, 0)
        accepted += 1
        peak = max(peak, accepted - stored)
        seen["accepted"] = world.now
        yield queue.put(number)

    def store() -> Generator[simpy.Event, Any, None]:
        nonlocal stored
        while True:
            yield queue.get()
            yield from work(cost.store, 1)
            stored += 1
            seen["stored"] = world.now

    for number in range(batches):
        world.process(send(number))
    # Writer, database and stream work side by side, on different batches.
    for _ in range(cores):
        world.process(store())
    world.run(until=seconds * 20)
    return Outcome(seen["accepted"], seen["stored"], peak * BATCH, stored * BATCH)


def shard_of(key: str, shards: int) -> int:
    """Jump consistent hash, which RabbitMQ's exchange uses. Source: Lamping and Veach, arXiv:1406.2294."""
    state = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
    bucket, jump = -1, 0
    while jump < shards:
        bucket = jump
        state = (state * 2862933555777941757 + 1) & 0xFFFF_FFFF_FFFF_FFFF
        jump = int((bucket + 1) * ((1 << 31) / ((state >> 33) + 1)))
    return bucket


def keys_by(what: str, batches: int, skew: float) -> Iterator[str]:
    """The key of each batch, by node or by batch id. Of the nodes the n-th logs 1 / n^skew as much as the first."""
    chance = random.Random(f"{SEED} {what} {skew}")
    nodes = range(1, NODES + 1)
    if what == "batch":
        return (f"{chance.getrandbits(128):032x}" for _ in range(batches))
    chosen = chance.choices(nodes, [1 / node**skew for node in nodes], k=batches)
    return (f"node {node}" for node in chosen)


@functools.cache
def hottest(shards: int, what: str, skew: float) -> float:
    """The load of the busiest shard, as a multiple of the mean."""
    counted = Counter(keys_by(what, KEYS, skew))
    loads = [0] * shards
    for key, batches in counted.items():
        loads[shard_of(key, shards)] += batches
    return max(loads) * shards / KEYS


@dataclass(frozen=True)
class Stop:
    """What a stop of the database leaves: most records waiting, and seconds until none is late any more."""

    backlog: int
    catch_up_s: float


def stopped_database(rate: float, capacity: float, away_s: float = 30.0) -> Stop:
    """One shard at this rate, whose writers store so many a second and whose database is away for a while."""
    world = simpy.Environment()
    queue: simpy.Store = simpy.Store(world)
    began_s, most = 10.0, 0
    back_s = began_s + away_s
    caught_up: list[float] = []

    def send() -> Generator[simpy.Event, Any, None]:
        nonlocal most
        while True:
            yield world.timeout(BATCH / rate)
            yield queue.put(world.now)
            most = max(most, len(queue.items))

    def store() -> Generator[simpy.Event, Any, None]:
        while True:
            yield queue.get()
            if began_s <= world.now < back_s:
                yield world.timeout(back_s - world.now)
            yield world.timeout(BATCH / capacity)
            if world.now > back_s and len(queue.items) <= 1 and not caught_up:
                caught_up.append(world.now - back_s)

    world.process(send())
    world.process(store())
    world.run(until=back_s + 100 * away_s)
    return Stop(most * BATCH, caught_up[0] if caught_up else float("inf"))


def shards_sustained(shards: int, capacity: float, what: str, skew: float) -> float:
    """Records a second of all shards together when the busiest one is at its capacity: it is full first."""
    return shards * capacity / hottest(shards, what, skew)


# The processor times of each run of the bench, and what was measured of it. docs/performance.md, "What a record costs in
# each program", has the latest ones. None of them includes the bench itself: that is fitted to the run `capacity` alone.
BESIDE: Final = 3.36
CAPACITY: Final = costs(1.15, 1.12, 1.80, 1.77, 0.25, 1.45, 0.18, BESIDE)
BURST: Final = costs(1.65, 1.40, 2.10, 2.61, 0.27, 1.81, 0.23, BESIDE)
SUSTAINED: Final = {
    "163k/s, first": (costs(1.34, 1.74, 2.03, 2.69, 0.25, 1.66, 0.22, BESIDE), 162_600, False),
    "151k/s": (costs(1.30, 1.54, 2.10, 2.21, 0.26, 1.78, 0.21, BESIDE), 151_250, False),
    "141k/s": (costs(1.28, 1.38, 2.11, 1.83, 0.26, 1.51, 0.20, BESIDE), 140_650, True),
    "148k/s": (costs(1.27, 1.38, 2.13, 2.01, 0.26, 1.58, 0.21, BESIDE), 147_700, True),
    "155k/s": (costs(1.10, 1.24, 1.93, 1.77, 0.25, 1.34, 0.18, BESIDE), 155_050, True),
    "163k/s, second": (costs(1.15, 1.24, 1.97, 1.78, 0.25, 1.40, 0.19, BESIDE), 162_800, True),
    "155k/s, final": (costs(1.11, 1.52, 1.70, 2.50, 0.25, 1.43, 0.21, BESIDE), 155_050, True),
}
# Seconds from the last record sent until all was committed.
CAPACITY_AFTER_S: Final = 1.92
BURST_AFTER_S: Final = 2.17
HELD_WITHIN_S: Final = 1.0
# A shard of the plan: what one machine of two cores was seen to sustain.
SHARD: Final = 155_000


def held(cost: Costs, rate: float, seconds: float = 20.0) -> bool:
    """Whether the queue is all but empty when sending ends."""
    return one_machine(cost, rate, seconds).stored_in_s < seconds + HELD_WITHIN_S


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def main() -> None:
    capacity, burst = one_machine(CAPACITY, 250_200, 5), one_machine(BURST, 200_400, 5)
    rows: list[list[object]] = [
        ["capacity (fitted): all stored after the last record, s", f"{CAPACITY_AFTER_S}", f"{capacity.stored_in_s - 5:.2f}"],
        ["burst of 200,000/s for 5 s: the same", f"{BURST_AFTER_S}", f"{burst.stored_in_s - 5:.2f}"],
    ]
    for name, (cost, rate, did) in SUSTAINED.items():
        rows.append(
            [f"sustained {name}", "held" if did else "did not hold", "holds" if held(cost, rate) else "does not hold"]
        )
    _table(["one machine", "measured", "simulated"], rows)

    shards = (4, 16, 64)
    keys = [("batch", 0.0), ("node", 0.5), ("node", 1.0), ("node", 1.5)]
    names = ["batch id", "node, skew 0.5", "node, skew 1", "node, skew 1.5"]
    _table(
        ["hottest shard, times the mean", *(f"{count} shards" for count in shards)],
        [
            [name, *(f"{hottest(count, what, skew):.2f}" for count in shards)]
            for name, (what, skew) in zip(names, keys, strict=True)
        ],
    )
    _table(
        [f"records a second, {SHARD:,} a shard", *(f"{count} shards" for count in shards)],
        [
            [name, *(f"{shards_sustained(count, SHARD, what, skew):,.0f}" for count in shards)]
            for name, (what, skew) in zip(names, keys, strict=True)
        ],
    )
    stops = [(share, stopped_database(SHARD * share, SHARD)) for share in (0.3, 0.5, 0.7, 0.9)]
    _table(
        ["load of a shard whose database stops for 30 s", "records waiting", "caught up after s"],
        [[f"{share:.0%}", f"{stop.backlog:,}", f"{stop.catch_up_s:.0f}"] for share, stop in stops],
    )


if __name__ == "__main__":
    main()
