"""What OTLP costs beside Push: the same records, which must become the same rows, by either way in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.batches import Kind
from bench.producer import Phase, Protocol
from bench.run import Bench, Load, Outcome, Void

_ROUNDS: Final = 3
# What an SDK sends by default, and what a Collector may.
_SDK_RECORDS: Final = 512
_MANY_RECORDS: Final = 5_000
_WARM_UP_S: Final = 1.0
_ADDED_UP: Final = ("lost", "duplicated", "records", "retries")
RATIO: Final = "cpu_ratio_to_push"


@dataclass(frozen=True)
class Part:
    """A way in, and the records of a request."""

    protocol: Protocol
    records: int

    @property
    def name(self) -> str:
        return f"{self.protocol.value}, {self.records:,}"

    def load(self, rate: float, seconds: float) -> Load:
        return Load([Phase(rate, seconds)], Kind(self.records, of_sdk=True), protocol=self.protocol)


def parts(records: int | None) -> Sequence[Part]:
    """Push is the first. records: of all requests, instead of the usual ones."""
    if records:
        return [Part(protocol, records) for protocol in Protocol]
    return [
        Part(Protocol.PUSH, _SDK_RECORDS),
        Part(Protocol.OTLP_GRPC, _SDK_RECORDS),
        Part(Protocol.OTLP_GRPC, _MANY_RECORDS),
        Part(Protocol.OTLP_HTTP, _SDK_RECORDS),
        Part(Protocol.OTLP_HTTP, _MANY_RECORDS),
    ]


def turns(chosen: Sequence[Part], rounds: int) -> Iterator[tuple[int, Part]]:
    """There and back, so that what changes in the course of the rounds favours none. Rounds are counted from 1."""
    for number in range(1, rounds + 1):
        yield from ((number, part) for part in (chosen if number % 2 else reversed(chosen)))


def run(
    bench: Bench, chosen: Sequence[Part], rate: float, seconds: float, rounds: int = _ROUNDS
) -> Iterator[tuple[Part, Outcome]]:
    """Each part once a round. Raises Void, also for records that became other rows than those of the first part."""
    for part in chosen:
        bench.run(f"warm-up, {part.name}", part.load(rate / 2, _WARM_UP_S))
    compared = min(part.records for part in chosen)
    wanted: list[str] = []
    for number, part in turns(chosen, rounds):
        outcome = bench.run(f"{part.name}, round {number}", part.load(rate, seconds))
        found = [bench.database.digest_of_first(account.node, compared) for account in outcome.accounts]
        wanted = wanted or found
        if found != wanted:
            raise Void(f"{outcome.name}: its records became other rows than those of {chosen[0].name}")
        yield part, outcome


def summaries(runs: Sequence[tuple[Part, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The means of each part's runs, and what a record costs in all programs together beside the first part."""
    first: float | None = None
    for part in dict.fromkeys(part for part, _ in runs):
        mean = _mean([figures for of, figures in runs if of == part])
        total = mean["cpu_s_per_million"]["total"]
        first = first or total
        yield {**mean, "name": f"mean of {part.name}", RATIO: round(total / first, 2)}


def _mean(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, last in runs[-1].items():
        values = [run[key] for run in runs]
        if isinstance(last, dict):
            found[key] = _mean(values)
        elif key in _ADDED_UP:
            found[key] = sum(values)
        elif isinstance(last, (int, float)) and not any(value is None for value in values):
            mean = sum(values) / len(values)
            found[key] = round(mean) if isinstance(last, int) else round(mean, 2)
        else:
            found[key] = last
    return found
