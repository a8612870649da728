"""The scenarios `fanout` and `idle`: many viewers of /stream, each of them judged by what it was shown, record by record."""

import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import redis
from harness.sse import open_viewer
from harness.stack import Stack
from logstream_contract.wire.live_window import HEAD

from bench import crowd
from bench.audience import WANTED, Manner, Seat, seats
from bench.batches import Kind
from bench.crowd import Seen
from bench.database import Database
from bench.figures import figures, peak_rss
from bench.processes import Programs
from bench.producer import Phase
from bench.run import SPAWN, Bench, Children, Load, Outcome, Void, percentile
from bench.shown import Ints
from bench.tally import Stored, Tally, rows_of, tally

VIEWERS: Final = (1, 100, 1_000)
RATES: Final = (1_000, 10_000)
SECONDS: Final = 20.0
IDLE_VIEWERS: Final = 2_000
# The page's nginx has two connections a viewer; past this many viewers are connected to the service itself.
MOST_THROUGH_PAGE: Final = 2_000
_HOLD_S: Final = 20.0
_STREAM: Final = "stream"
_CONNECT_S: Final = 120.0
# Everything queued for everybody has to be read.
_FINISH_S: Final = 240.0
_SETTLED_S: Final = 60.0
_POLL_S: Final = 0.02
_SAMPLES_AN_EVENT: Final = 8
_MOST_LAGS: Final = 4_000_000
_COLUMNS: Final = {
    "name": "run",
    "viewers": "viewers",
    "in_per_s": "in/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "holes": "holes",
    "duplicates": "doubled",
    "dropped_announced": "dropped",
    "missing_in_gaps": "in gaps",
    "resumes": "resumes",
    "delivered_per_s": "delivered/s",
    "connected_after_s": "connected after s",
    "bytes_per_viewer": "bytes a viewer",
    "peak_bytes_per_viewer": "at most",
    "stream_rss_mib": "stream MiB",
    "stream_cores": "stream cores",
}


class Audience:
    """A crowd in a process of its own, all of it connected. Raises Void when something is wrong with it."""

    def __init__(self, url: str, taken: Sequence[Seat], children: Children, progress: Callable[[str], object]) -> None:
        self.seats = taken
        self._progress = progress
        self._counters = SPAWN.Array("q", crowd.SLOTS, lock=False)
        theirs, self._commands = SPAWN.Pipe(duplex=False)
        began_s = time.monotonic()
        self._results = children.start(crowd.hold, url, taken, self._counters, theirs)
        self._wait(crowd.CONNECTED, _CONNECT_S, "viewers connected")
        # With the start of the process, which is much the same for any number.
        self.connected_after_s = round(time.monotonic() - began_s, 2)
        self._wait(crowd.PLACED, _CONNECT_S, "viewers with an id to come back with")

    def tell(self, word: str, argument: Any = None) -> None:
        self._commands.send((word, argument))

    def finish(self, epoch: str, position: int) -> Seen:
        """Lets all viewers read on up to this place, and answers what they saw."""
        self.tell(crowd.FINISH, (epoch, position))
        self._wait(crowd.REACHED, _FINISH_S, f"viewers that have come to the end, position {position:,}")
        return self.close()

    def close(self) -> Seen:
        self.tell(crowd.CLOSE)
        seen: Seen = self._results.get(timeout=60)
        if seen.error:
            raise Void(f"the viewers: {seen.error}")
        return seen

    def _wait(self, slot: int, seconds: float, what: str) -> None:
        until = time.monotonic() + seconds
        while (count := self._counters[slot]) < len(self.seats):
            try:
                failed: Seen = self._results.get(timeout=_POLL_S)
                raise Void(f"the viewers: {failed.error}")
            except queue.Empty:
                self._progress(f"{count:,} of {len(self.seats):,} {what}")
            if time.monotonic() > until:
                raise Void(f"after {seconds:.0f} s {count:,} of {len(self.seats):,} {what}")


def run(
    bench: Bench, viewers: int | None, rate: float | None, seconds: float | None, max_rate: int = 0
) -> Iterator[dict[str, Any]]:
    """Yields the figures of each run. max_rate: records a second that a viewer is sent at most, 0: all. Raises Void after
    the last of them when one is void."""
    wrong = []
    for in_per_s in [rate] if rate else RATES:
        for count in [viewers] if viewers else VIEWERS:
            found = _run(bench, count, in_per_s, seconds or SECONDS, max_rate)
            yield found
            if found["void"]:
                wrong.append(f"{found['name']}: {found['void']}")
    if wrong:
        raise Void("; ".join(wrong))


def _run(bench: Bench, count: int, rate: float, seconds: float, max_rate: int) -> dict[str, Any]:
    name = f"fanout, {count:,} viewer{'s' if count > 1 else ''}, {rate / 1e3:g}k/s"
    if max_rate:
        name += f", {max_rate:,}/s to each"
    kind = Kind(max(1, round(rate / 100)), attributes=2)
    load = Load([Phase(rate, seconds)], kind, viewer=False)
    with _fresh_stream(bench.stack, max_rate) as before_bytes, Children() as children:
        audience = Audience(bench.stack.page_url, seats(count), children, bench.progress)
        held_bytes = _rss_bytes(bench.stack) - before_bytes
        outcome = bench.run(name, load, during=lambda _: audience.tell(crowd.MISBEHAVE, seconds))
        _settle(bench.stack)
        seen = audience.finish(*_last_place(bench.stack.redis_url))
    bench.progress(f"{name}: judging what {count:,} viewers saw")
    stored = read_stored(bench.database, outcome)
    rows = [rows_of(sequences, stored) for sequences in seen.sequences]
    tallies = [tally(sight, rows, seat.wanted, stored) for seat, sight in zip(audience.seats, seen.sights, strict=True)]
    total = sum(tallies, Tally())
    lags = lags_ms(audience.seats, seen, rows, stored)
    whole = figures(outcome, None, None, bench.database.edition(), None)
    return {
        "name": name,
        "viewers": count,
        "in_per_s": rate,
        "max_rate": max_rate,
        "p50_ms": percentile(lags, 50),
        "p99_ms": percentile(lags, 99),
        "holes": total.holes,
        "duplicates": total.duplicates,
        "dropped_announced": total.dropped_announced,
        "bytes_per_viewer": round(held_bytes / count),
        "peak_bytes_per_viewer": round((peak_rss(outcome, _STREAM) - before_bytes) / count),
        "strangers": total.strangers,
        "overstated": total.overstated,
        "missing_in_gaps": total.missing_in_gaps,
        "gaps": total.gaps,
        "received": total.received,
        "delivered_per_s": round(total.received / (_last_arrival_s(seen) - outcome.began_s)) if total.received else 0,
        "resumes": sum(sight.resumes for sight in seen.sights),
        "refused": seen.refused,
        "ended_by_server": seen.ended,
        "seconds": seconds,
        "connected_after_s": audience.connected_after_s,
        "ack_p99_ms": whole["ack_p99_ms"],
        "cpu_s": {program: round(usage.cpu_s, 2) for program, usage in outcome.used.items()}
        | {"viewers": round(seen.cpu_s, 2)},
        "lost": outcome.verdict.lost,
        "duplicated": outcome.verdict.duplicated,
        "drops_by_reason": _by_reason((drop.reason, drop.records) for sight in seen.sights for drop in sight.drops),
        "gaps_by_reason": _by_reason((gap.reason, 1) for sight in seen.sights for gap in sight.gaps),
        "void": total.wrong or ("" if total.received else "no viewer received anything"),
        "worst": _worst(audience.seats, tallies),
    }


def idle(bench: Bench, viewers: int | None, seconds: float | None) -> dict[str, Any]:
    """So many viewers to whom nothing but counts happens: how long until they are there, and what they hold."""
    count = viewers or IDLE_VIEWERS
    through_page = count <= MOST_THROUGH_PAGE
    url = bench.stack.page_url if through_page else bench.stack.admin_url(_STREAM)
    with _fresh_stream(bench.stack, 0) as before_bytes, Children() as children:
        taken = [Seat(seat.wanted, Manner.PROMPT) for seat in seats(count)]
        audience = Audience(url, taken, children, bench.progress)
        programs = Programs({_STREAM: bench.stack.pid(_STREAM)})
        first = programs.read()[_STREAM]
        hold_s = seconds or _HOLD_S
        bench.progress(f"holding {count:,} viewers for {hold_s:g} s")
        time.sleep(hold_s)
        last = programs.read()[_STREAM]
        seen = audience.close()
    if seen.ended:
        raise Void(f"idle: the server ended {seen.ended:,} of {count:,} connections")
    return {
        "name": f"idle, {count:,} viewers",
        "viewers": count,
        "through": "page" if through_page else "service",
        "connected_after_s": audience.connected_after_s,
        "held_s": hold_s,
        "bytes_per_viewer": round((last.rss_bytes - before_bytes) / count),
        "stream_rss_mib": round(last.rss_bytes / 2**20),
        "stream_cores": round((last.cpu_s - first.cpu_s) / hold_s, 3),
    }


def table(runs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Rows of text, the first of them the head."""
    keys = [key for key in _COLUMNS if any(run.get(key) is not None for run in runs)]
    return [[_COLUMNS[key] for key in keys], *([_text(run.get(key)) for key in keys] for run in runs)]


def read_stored(database: Database, outcome: Outcome) -> Stored:
    """The rows of a run, each held against every filter by the database."""
    columns = database.matches([wanted.condition for wanted in WANTED])
    sequences, times_us, received_us = (np.array(column, dtype=np.int64) for column in columns[:3])
    # The index of a record in its batch is in its sequence; all of a batch are sent with the last of them.
    kind = Bench.kind(outcome.load)
    gathered_ns = (kind.records - 1 - (sequences & 0xFFFF)) * kind.apart_ns
    matches = [np.array(column, dtype=np.bool_) for column in columns[3:]]
    return Stored(
        sequences=sequences,
        times_us=times_us,
        received_us=received_us,
        sent_ns=times_us * 1_000 + gathered_ns,
        matches=matches,
    )


def lags_ms(taken: Sequence[Seat], seen: Seen, rows: Sequence[Ints], stored: Stored) -> Any:
    """From the sending of a record's batch to its arrival at a viewer that reads promptly; of some records of each event."""
    sent_ns = [stored.sent_ns[_spread(of_event[of_event >= 0])] for of_event in rows]
    parts = [np.zeros(0)]
    for seat, sight in zip(taken, seen.sights, strict=True):
        if seat.manner is Manner.PROMPT:
            parts += [
                (arrived - sent_ns[number]) / 1e6 for number, arrived in zip(sight.events, sight.arrived_ns, strict=True)
            ]
    lags = np.concatenate(parts)
    return lags[:: len(lags) // _MOST_LAGS + 1]


def _spread(rows: Ints) -> Ints:
    """Evenly over the event, its first and its last record among them."""
    if len(rows) <= _SAMPLES_AN_EVENT:
        return rows
    sampled: Ints = rows[np.linspace(0, len(rows) - 1, _SAMPLES_AN_EVENT).astype(int)]
    return sampled


def _last_arrival_s(seen: Seen) -> float:
    return max(sight.arrived_ns[-1] for sight in seen.sights if sight.arrived_ns) / 1e9


def _by_reason(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for reason, count in counted:
        found[reason] = found.get(reason, 0) + count
    return found


def _worst(taken: Sequence[Seat], tallies: Sequence[Tally]) -> list[str]:
    """The first viewers that something is wrong with."""
    found = [
        f"viewer {number}, {seat.manner}, {WANTED[seat.wanted].query or 'all records'}: {one.wrong}"
        for number, (seat, one) in enumerate(zip(taken, tallies, strict=True))
        if one.wrong
    ]
    return found[:10]


@contextmanager
def _fresh_stream(stack: Stack, max_rate: int) -> Iterator[int]:
    """A stream service that no viewers were at before, but one; its resident bytes."""
    with stack.environment(_STREAM, {"LOGSTREAM_STREAM_MAX_RATE": str(max_rate)}):
        stack.stop(_STREAM)
        stack.start(_STREAM)
        # What is loaded with the first viewer is nobody's share.
        viewer = open_viewer(stack.page_url)
        viewer.wait("a second of counts", lambda seen: bool(seen.named("counts")))
        viewer.close()
        yield _rss_bytes(stack)


def _rss_bytes(stack: Stack) -> int:
    return Programs({_STREAM: stack.pid(_STREAM)}).read()[_STREAM].rss_bytes


def _settle(stack: Stack) -> None:
    """Waits until the writer has handed on all it stored."""
    until = time.monotonic() + _SETTLED_S
    while unsettled := stack.unsettled():
        if time.monotonic() > until:
            raise Void(f"{unsettled} messages not settled after {_SETTLED_S:.0f} s")
        time.sleep(0.5)


def _last_place(redis_url: str) -> tuple[str, int]:
    """Epoch and position of the newest batch."""
    with redis.Redis.from_url(redis_url, socket_timeout=5, decode_responses=True) as client:
        epoch, position = client.hmget(HEAD, ["epoch", "position"])
    return str(epoch), int(position)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
