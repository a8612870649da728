"""The scenarios by name. Each answers its runs' figures, and stops by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import fanout, otlp, query, questions, report, yardstick
from bench.batches import Kind
from bench.figures import figures, peak_rss
from bench.page import run as page
from bench.producer import Phase
from bench.run import Bench, Load, Outcome, Void, percentile
from bench.stalls import Stalls

_MIB: Final = 2**20
_WARM_UP: Final = Load([Phase(60_000, 5)])
_YARDSTICK_ROWS: Final = 300_000
_MOST_TRIES: Final = 6
QUERY: Final = "query"


@dataclass
class Options:
    """Parameters of the command line; None: the scenario's own."""

    rate: float | None = None
    seconds: float | None = None
    records: int | None = None
    attributes: int = 0
    rows: float | None = None
    viewers: int | None = None
    max_rate: int = 0  # to a viewer, 0: all
    plots: Path = Path("build/bench")

    def kind(self, records: int = 1_000) -> Kind:
        return Kind(self.records or records, self.attributes)


@dataclass
class Book:
    """The runs of a scenario so far."""

    bench: Bench
    options: Options
    edition: str = ""
    yardstick: float | None = None
    runs: list[dict[str, Any]] = field(default_factory=list)
    # Instead of runs, of the scenarios that have figures of their own, and how those are shown.
    asked: list[dict[str, Any]] = field(default_factory=list)
    table: Callable[[Sequence[dict[str, Any]]], list[list[str]]] = questions.table

    def warm_up(self) -> None:
        """Opens what is opened late and fills caches, and measures the yardstick with the rows of that."""
        self.edition = self.bench.database.edition()
        load = Load(_WARM_UP.phases, self.options.kind())
        self.bench.run("warm-up", load)
        self.yardstick = yardstick.measure(self.bench.database, _YARDSTICK_ROWS)

    def add(self, outcome: Outcome, phases: Sequence[str] = (), **more: Any) -> dict[str, Any]:
        """Puts down a run, and each of its phases by these names."""
        stored = self.bench.database.rows()
        size = self.bench.database.bytes() / stored if stored else None
        for index, name in enumerate(phases):
            self.runs.append(
                {**figures(outcome, index, self.yardstick, self.edition, size), "name": f"{outcome.name}: {name}"}
            )
        run = {**figures(outcome, None, self.yardstick, self.edition, size), **more}
        self.runs.append(run)
        report.draw(self.options.plots, outcome)
        return run


def burst(book: Book) -> None:
    """100,000 records a second for 5 s, then 200,000 for 5 s: encoded before, and by the Python client as it goes."""
    options = book.options
    seconds = options.seconds or 5
    for name, client in (("burst, encoded before", False), ("burst, Python client", True)):
        low = options.rate or 100_000
        load = Load([Phase(low, seconds), Phase(2 * low, seconds)], options.kind(), client_encoding=client)
        book.add(book.bench.run(name, load), [f"{low / 1e3:.0f}k/s", f"{2 * low / 1e3:.0f}k/s"])
    load = Load([Phase(options.rate or 100_000, seconds)], options.kind())
    book.add(book.bench.run("burst, first part alone", load))


def capacity(book: Book, name: str, clear: bool = True, kind: Kind | None = None, **more: Any) -> dict[str, Any]:
    """More than can be stored for some seconds: the rate at which that is stored."""
    load = Load([Phase(book.options.rate or 250_000, book.options.seconds or 5)], kind or book.options.kind())
    return book.add(book.bench.run(name, load, clear=clear), **more)


def sustained(book: Book) -> None:
    """The highest rate that holds for 60 s with the queue not growing, a viewer tailing and a reader paging."""
    options = book.options
    seconds = options.seconds or 60
    rate = options.rate or 0.9 * float(capacity(book, "capacity")["committed_per_s"])
    holds_before = False
    for _ in range(1 if options.rate else _MOST_TRIES):
        name = f"sustained {rate / 1e3:.0f}k/s"
        load = Load([Phase(rate, seconds)], options.kind(), reader=True)
        outcome = book.bench.run(name, load)
        grows = _growth(outcome, rate)
        book.add(outcome, held=grows <= 0, page_errors=len(outcome.pages.errors) if outcome.pages else None)
        book.bench.progress(f"{name}: {'holds' if grows <= 0 else 'the queue grows'}\n")
        if grows > 0 and holds_before:
            break
        holds_before = grows <= 0
        # Up until one does not hold, or down until one does.
        rate *= 1.05 if holds_before else 0.93


def _growth(outcome: Outcome, rate: float) -> float:
    """By how many records the backlog of the last third is beyond that of the first and half a second's worth."""
    backlog = [sample.acked - (sample.committed - outcome.samples[0].committed) for sample in outcome.samples]
    sent = [b for b, sample in zip(backlog, outcome.samples, strict=True) if sample.at_s < outcome.last_sent_s]
    third = len(sent) // 3
    behind = outcome.accounts[0].records * 3 + rate * 0.5
    late = percentile(
        [(a - d) / 1e6 for one in outcome.accounts for a, d in zip(one.answered_ns, one.due_ns, strict=True)], 99
    )
    if late is None or late > 2_000:
        return rate
    return sum(sent[-third:]) / third - sum(sent[:third]) / third - behind


def unary(book: Book) -> None:
    """SendLog from three processes, with one gateway process and with two."""
    for processes in (1, 2):
        load = Load([Phase(0, book.options.seconds or 10)], Kind(1), unary=True, in_flight=64)
        with book.bench.stack.environment("gateway", {"LOGSTREAM_GATEWAY_PROCESSES": str(processes)}):
            book.add(book.bench.run(f"unary, {processes} gateway process{'es' if processes > 1 else ''}", load))


def latency(book: Book) -> None:
    """1,000 and 10,000 records a second: accepted, committed, on the viewer's socket."""
    for rate in [book.options.rate] if book.options.rate else (1_000, 10_000):
        kind = book.options.kind(max(1, round(rate / 100)))
        load = Load([Phase(rate, book.options.seconds or 15)], kind, commit_times=True)
        book.add(book.bench.run(f"latency {rate / 1e3:g}k/s", load))


def growth(book: Book) -> None:
    """Rate and cost with 0, 1, 5 and 20 million rows stored."""
    total = int(book.options.rows or 20_000_000)
    for rows in (0, total // 20, total // 4, total):
        book.bench.database.clear()
        book.bench.fill(rows)
        capacity(book, f"growth, {rows / 1e6:g}M rows", clear=False, rows_before=rows)


def writers(book: Book) -> None:
    """1, 2 and 4 writers."""
    for replicas in (1, 2, 4):
        book.bench.stack.scale("writer", replicas)
        capacity(book, f"writers, {replicas}", writers=replicas)
    book.bench.stack.scale("writer", 1)


def batch(book: Book) -> None:
    """100, 1,000 and 5,000 records a Push."""
    for records in [book.options.records] if book.options.records else (100, 1_000, 5_000):
        capacity(book, f"batch of {records:,}", kind=Kind(records, book.options.attributes), batch_records=records)


def open_telemetry(book: Book) -> None:
    """100,000 records a second for 5 s, as SDKs of OpenTelemetry send them, by turns by Push and over gRPC and HTTP."""
    options = book.options
    runs = []
    for part, outcome in otlp.run(book.bench, otlp.parts(options.records), options.rate or 100_000, options.seconds or 5):
        runs.append((part, book.add(outcome, protocol=part.protocol.value, batch_records=part.records)))
    book.runs += otlp.summaries(runs)


def stall(book: Book) -> None:
    """The broker blocked for 10 s, then the database stopped for 30 s, under 20,000 records a second."""
    stalls = Stalls(book.bench.stack)
    rate = book.options.rate or 20_000
    # Callers are to see what the gateway says of a blocked broker, so they wait no longer than that lasts.
    load = Load([Phase(rate, 75)], book.options.kind(), deadline_s=3, in_flight=2_000, drain_s=180)
    outcome = book.bench.run("stall", load, during=stalls.run)
    wrong = stalls.problems(outcome)
    unavailable = sum(account.statuses.get("UNAVAILABLE", 0) for account in outcome.accounts)
    rss = {program: round(peak_rss(outcome, program) / _MIB) for program in ("gateway", "writer")}
    book.add(
        outcome,
        unavailable_calls=unavailable,
        acked_while_database_down=stalls.acked_while_down(outcome),
        peak_rss_mib=rss,
        rss_budget_mib=stalls.budgets_mib,
    )
    if wrong:
        raise Void(f"stall: {wrong}")


def search(book: Book) -> None:
    """10 million records of ten hours, or rows= of them: what is asked of them through REST, also while records come in."""
    book.asked = query.run(book.bench, int(book.options.rows or 10_000_000), book.options.rate)


def fan_out(book: Book) -> None:
    """1, 100 and 1,000 viewers at 1,000 and 10,000 records a second, or viewers= and rate=: what each of them was shown, of
    all or of max_rate= records a second."""
    book.table = fanout.table
    options = book.options
    for run in fanout.run(book.bench, options.viewers, options.rate, options.seconds, options.max_rate):
        book.asked.append(run)


def idle(book: Book) -> None:
    """2,000 viewers, or viewers= of them, and nothing to show: how long until they are connected, and what they hold."""
    book.table = fanout.table
    book.asked.append(fanout.idle(book.bench, book.options.viewers, book.options.seconds))


def in_browser(book: Book) -> None:
    """What the page costs a reader: its first paint, its size, 10,000 records a second for 60 s, or rate= and seconds=, and
    scrolling through 100,000 records, in Chromium."""
    book.table = page.table
    for part in page.run(book.bench, book.options.rate, book.options.seconds, book.options.max_rate):
        book.asked.append(part)


SCENARIOS: Final[dict[str, Callable[[Book], None]]] = {
    "burst": burst,
    "sustained": sustained,
    "unary": unary,
    "latency": latency,
    "growth": growth,
    "writers": writers,
    "batch": batch,
    "otlp": open_telemetry,
    "stall": stall,
    QUERY: search,
    "fanout": fan_out,
    "idle": idle,
    "page": in_browser,
}
