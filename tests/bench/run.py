"""One run: producers, a viewer and a sampler, from the first record to the last commit, and its figures."""

import contextlib
import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import psycopg
from harness.services import DATABASE
from harness.stack import Stack

from bench import producer, unary, viewer
from bench.batches import Kind
from bench.database import NODE_PREFIX, Database
from bench.processes import Programs, Usage
from bench.producer import Account, Order, Phase, Protocol
from bench.reader import Pages, read_pages
from bench.sampler import QueueDepth, Sample, Sampler
from bench.verdict import Verdict, judge

PRODUCERS = 3
_LEAD_S = 0.2
_POLL_S = 0.02
SPAWN = multiprocessing.get_context("spawn")


class Void(RuntimeError):
    """A run that proves nothing: something was lost, doubled or refused."""


@dataclass
class Load:
    """What is sent: rates are of all producers together."""

    phases: Sequence[Phase]
    kind: Kind = field(default_factory=Kind)
    client_encoding: bool = False
    unary: bool = False
    in_flight: int = 256  # of each producer
    deadline_s: float = 15.0
    viewer: bool = True
    reader: bool = False
    commit_times: bool = False  # finds out when each batch was committed, by asking the database all the time
    drain_s: float = 120.0
    protocol: Protocol = Protocol.PUSH


@dataclass
class Outcome:
    """A run as it was; see report for its figures. Times are seconds since the Unix epoch."""

    name: str
    load: Load
    began_s: float
    last_sent_s: float
    committed_s: float
    accounts: list[Account]
    verdict: Verdict
    sight: viewer.Sight | None
    pages: Pages | None
    samples: list[Sample]
    used: dict[str, Usage]  # CPU of the run by program, memory at its end
    commits: dict[bytes, int] = field(default_factory=dict)  # batch id -> ns when its commit was seen
    dead_letters: int = 0


class Bench:
    """A stack and the database it writes to. Runs follow each other on it."""

    def __init__(self, stack: Stack, database_url: str, progress: Callable[[str], object]) -> None:
        self.stack = stack
        self.database = Database(database_url)
        self.progress = progress
        self._runs = 0

    def close(self) -> None:
        self.database.close()

    def run(
        self, name: str, load: Load, seed: int = 1, during: Callable[[float], object] | None = None, clear: bool = True
    ) -> Outcome:
        """Runs a load and waits until all of it is committed. during: called with the time of the first record, in this
        thread, while the producers send. Raises Void."""
        if clear:
            self.database.clear()
        self.database.checkpoint()
        self._runs += 1
        with Children() as children:
            return self._run(name, load, seed, during, children)

    def fill(self, rows: int) -> None:
        """Stores so many rows of the hours before now, with their batches, past the services."""
        self.progress(f"storing {rows:,} rows")
        self.database.fill(rows)
        # Vacuuming what was stored here is not the run's.
        self.database.analyze()

    def _run(
        self, name: str, load: Load, seed: int, during: Callable[[float], object] | None, children: "Children"
    ) -> Outcome:
        viewed = SPAWN.Array("q", viewer.SLOTS, lock=False)
        stop = SPAWN.Event()
        sights = paged = None
        if load.viewer:
            sights = children.start(viewer.view, self.stack.page_url, self.kind(load), viewed, stop)
            wait_until(lambda: viewed[viewer.VIEWING], 20, "the viewer to be connected")
        if load.reader:
            paged = children.start(read_pages, self.stack.page_url, stop)
        counters = [SPAWN.Array("q", producer.SLOTS, lock=False) for _ in range(PRODUCERS)]
        results = [
            children.start(unary.call if load.unary else producer.produce, order, counter)
            for order, counter in zip(self._orders(load, seed), counters, strict=True)
        ]

        def counted() -> tuple[int, int, int, float | None]:
            sent, acked = (sum(counter[slot] for counter in counters) for slot in (producer.SENT, producer.ACKED))
            return sent, acked, viewed[viewer.SEEN], viewed[viewer.LAG_US] / 1e3 if load.viewer else None

        programs = Programs(self._pids())
        depth = QueueDepth(self.stack.rabbitmq_url)
        sampling = Database(self.database.url)
        before = self.database.committed()
        wait_until(lambda: all(counter[producer.READY] for counter in counters), 60, "the producers to be ready")
        first = programs.read()
        begin_at = time.time() + _LEAD_S
        for counter in counters:
            counter[producer.BEGIN_NS] = int(begin_at * 1e9)
        sampler = Sampler(
            database=sampling,
            queue=depth,
            programs=programs,
            counted=counted,
            on_sample=lambda sample: self._show(name, sample, begin_at, before),
        )
        sampler.start()
        commits: dict[bytes, int] = {}
        if during:
            during(begin_at)
        accounts = self._accounts(results, load, commits)
        last_sent_s = max(max(account.due_ns) for account in accounts) / 1e9
        wanted = before + sum(account.records for account in accounts for answered in account.answered_ns if answered)
        committed_s = self._drained(wanted, load, commits)
        if load.viewer:
            self._seen(viewed, wanted - before)
        programs.find()
        used = programs.read()
        sampler.stop()
        stop.set()
        sight = sights.get(timeout=20) if sights else None
        pages = paged.get(timeout=60) if paged else None
        depth.close()
        sampling.close()
        self.progress(f"{name}: judging")
        verdict = judge(self.database.url, accounts)
        spent = {
            program: Usage(usage.cpu_s - first[program].cpu_s if program in first else usage.cpu_s, usage.rss_bytes)
            for program, usage in used.items()
        }
        outcome = Outcome(
            name=name,
            load=load,
            began_s=begin_at,
            last_sent_s=last_sent_s,
            committed_s=committed_s,
            accounts=accounts,
            verdict=verdict,
            sight=sight,
            pages=pages,
            samples=sampler.samples,
            used=spent,
            commits=commits,
        )
        outcome.dead_letters = self.database.dead_letters()
        if verdict.void:
            raise Void(f"{name}: {verdict.void}")
        if sight and sight.error:
            raise Void(f"{name}: the viewer: {sight.error}")
        return outcome

    @staticmethod
    def kind(load: Load) -> Kind:
        """With the times of its records as far apart as they come in at the first rate, so that nodes overlap."""
        rate = load.phases[0].records_per_s
        return replace(load.kind, apart_ns=int(1e9 * PRODUCERS / rate)) if rate else load.kind

    def _orders(self, load: Load, seed: int) -> Iterator[Order]:
        gap_s = 0.0
        for index in range(PRODUCERS):
            phases = [Phase(phase.records_per_s / PRODUCERS, phase.seconds) for phase in load.phases]
            if phases[0].records_per_s:
                # Not all in the same moment, which no three services would do.
                gap_s = load.kind.records / phases[0].records_per_s / PRODUCERS
            yield Order(
                address=self.stack.otlp_url if load.protocol is Protocol.OTLP_HTTP else self.stack.gateway,
                node=f"{NODE_PREFIX}{time.time_ns() // 10**8 % 16**6:06x}-{index}",
                seed=seed * 1_000 + index * 100,
                phases=phases,
                delay_s=index * gap_s,
                kind=self.kind(load),
                client_encoding=load.client_encoding,
                in_flight=load.in_flight,
                deadline_s=load.deadline_s,
                protocol=load.protocol,
            )

    def _pids(self) -> dict[str, int]:
        pids = self.stack.pids()
        # A given database has a server of its own; one on another machine is not measured.
        server = self.database.server_pid()
        pids.pop(DATABASE, None)
        return pids | ({DATABASE: server} if server else {})

    def _accounts(self, results: Sequence[Any], load: Load, commits: dict[bytes, int]) -> list[Account]:
        """Waits for the producers, and watches commits meanwhile if that is wanted."""
        accounts: list[Account] = []
        until = time.time() + sum(phase.seconds for phase in load.phases) + 200
        waiting = list(results)
        watch = _Commits(self.database, commits) if load.commit_times else None
        while waiting:
            if watch:
                watch.look()
            with contextlib.suppress(queue.Empty):
                found = waiting[0].get(timeout=0.002 if watch else 0.1)
                if isinstance(found, str):
                    raise Void(f"a producer failed: {found}")
                accounts.append(found)
                waiting.pop(0)
            if time.time() > until:
                raise Void("the producers did not end in time")
        return accounts

    def _drained(self, wanted: int, load: Load, commits: dict[bytes, int]) -> float:
        until = time.time() + load.drain_s
        watch = _Commits(self.database, commits) if load.commit_times else None
        while True:
            if watch:
                watch.look()
            try:
                if self.database.committed() >= wanted:
                    return time.time()
            except psycopg.Error:
                with contextlib.suppress(psycopg.Error):
                    self.database.reconnect()
            if time.time() > until:
                raise Void(f"{wanted - self.database.committed()} records not committed after {load.drain_s:.0f} s")
            time.sleep(_POLL_S)

    @staticmethod
    def _seen(viewed: Any, wanted: int) -> None:
        """Waits until the viewer has been shown all, or nothing more comes."""
        still_since, last = time.time(), -1
        while viewed[viewer.SEEN] < wanted and time.time() - still_since < 1.5:
            if viewed[viewer.SEEN] != last:
                still_since, last = time.time(), viewed[viewer.SEEN]
            time.sleep(_POLL_S)

    def _show(self, name: str, sample: Sample, begin_at: float, before: int) -> None:
        queued = "?" if sample.queued_messages is None else sample.queued_messages
        self.progress(
            f"{name}: {max(0.0, sample.at_s - begin_at):5.1f} s  sent {sample.sent:,}  acked {sample.acked:,}  committed "
            f"{sample.committed - before:,}  queue {queued}  seen {sample.seen:,}"
        )


class _Commits:
    def __init__(self, database: Database, commits: dict[bytes, int]) -> None:
        self._database = database
        self._commits = commits
        self._number = 0

    def look(self) -> None:
        found = self._database.batches_after(max(0, self._number - 50))
        now = time.time_ns()
        for number, batch_id in found:
            self._commits.setdefault(batch_id, now)
            self._number = max(self._number, number)


class Children:
    """Processes of a run; none survives it."""

    def __init__(self) -> None:
        self._processes: list[Any] = []

    def start(self, target: Callable[..., object], *arguments: Any) -> Any:
        """Starts target(*arguments, results) and answers the queue of its results."""
        results = SPAWN.Queue()
        process = SPAWN.Process(target=target, args=(*arguments, results), daemon=True)
        process.start()
        self._processes.append(process)
        return results

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.join(1)
            if process.is_alive():
                process.terminate()
                process.join(5)


def wait_until(probe: Callable[[], object], seconds: float, what: str) -> None:
    until = time.time() + seconds
    while not probe():
        if time.time() > until:
            raise Void(f"waited {seconds:.0f} s for {what}")
        time.sleep(_POLL_S)


def percentile(values: Sequence[float], share: float) -> float | None:
    return round(float(np.percentile(np.asarray(values), share)), 2) if len(values) else None
