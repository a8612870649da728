"""`make bench`: runs scenarios on a stack of its own and writes what they cost. Exit status 1 when a run is void: something
was lost, doubled or refused."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from harness.local_stack import LocalProvider
from harness.stack import Stack

from bench import report
from bench.database import NotOurs
from bench.past import NoRoom
from bench.query import Failed
from bench.questions import WrongAnswer
from bench.run import Bench, Void
from bench.scenarios import QUERY, SCENARIOS, Book, Options

# Each has an address of its own, and one replica takes no more.
_MOST_VIEWERS: Final = 10_000


def main() -> int:
    options = _parser().parse_args()
    if options.scenario and options.scenario not in SCENARIOS:
        print(f"scenario={options.scenario}: expected one of {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    names = [options.scenario] if options.scenario else list(SCENARIOS)
    out = Path(options.out)
    status = 0
    with ExitStack() as exits:
        stack, database_url = _open(options, exits)
        bench = Bench(stack, database_url, _progress())
        exits.callback(bench.close)
        try:
            bench.database.take()
            bench.database.check_ours()
        except NotOurs as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        print(f"{bench.database.versions()}, {_machine()}", flush=True)
        # What was loaded for questions, hours of it perhaps, stays where it will be found again.
        kept = names == [QUERY] and bool(options.stack or options.dsn)
        chosen = Options(
            rate=options.rate,
            seconds=options.seconds,
            records=options.records,
            attributes=options.attributes,
            rows=options.rows,
            viewers=options.viewers,
            max_rate=options.max_rate,
            plots=out,
        )
        for name in names:
            book = Book(bench, chosen)
            try:
                if name != QUERY:
                    book.warm_up()
                elif not kept:
                    bench.database.clear()
                SCENARIOS[name](book)
            except (Void, WrongAnswer, Failed, NoRoom) as error:
                print(f"\nVOID {error}", file=sys.stderr, flush=True)
                status = 1
            finally:
                if book.runs:
                    path = report.write(out, name, book.runs)
                    print(f"\n{report.table(book.runs)}\n-> {path}\n", flush=True)
                if book.asked:
                    path = report.write(out, name, book.asked)
                    print(f"\n{report.aligned(book.table(book.asked))}\n-> {path}\n", flush=True)
        if not kept:
            bench.database.clear()
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--scenario", help=f"one of {', '.join(SCENARIOS)}; without it all of them")
    parser.add_argument("--dsn", help="a database to write to instead of the stack's own, such as one of another edition")
    parser.add_argument("--stack", help="a local stack that runs already, instead of one of its own")
    parser.add_argument("--rate", type=float, help="records a second")
    parser.add_argument("--seconds", type=float, help="how long a rate is kept")
    parser.add_argument("--records", type=int, help="records a Push")
    parser.add_argument("--attributes", type=int, default=0, help="attributes a record (default: 0)")
    parser.add_argument(
        "--rows", type=float, help="rows stored before the last run of growth, or before questions are asked"
    )
    parser.add_argument("--viewers", type=_viewers, help="viewers of fanout or idle")
    parser.add_argument(
        "--max-rate", type=_rate, default=0, help="records a second to a viewer of fanout (default: 0, all of them)"
    )
    parser.add_argument("--out", default="build/bench", help="folder of the figures and plots (default: %(default)s)")
    return parser


def _viewers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_VIEWERS):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 to {_MOST_VIEWERS:,}")
    return int(text)


def _rate(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of records a second, 0 for all")
    return int(text)


def _open(options: argparse.Namespace, exits: ExitStack) -> tuple[Stack, str]:
    provider = LocalProvider(options.stack or "bench")
    if options.stack:
        stack = Stack(provider, provider.attach())
    else:
        exits.callback(provider.down)
        stack = Stack(provider, provider.up())
    if options.dsn:
        for service in ("writer", "query"):
            exits.enter_context(stack.environment(service, {"LOGSTREAM_DATABASE_URL": options.dsn}))
    return stack, options.dsn or stack.database_url


def _progress() -> Callable[[str], None]:
    width = shutil.get_terminal_size((120, 24)).columns - 1
    live = sys.stderr.isatty()
    shown_at = 0.0

    def show(text: str) -> None:
        nonlocal shown_at
        if live:
            print(f"\r{text[:width]:<{width}}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - shown_at >= 2:
            # A file or a pipe gets a line every two seconds.
            shown_at = time.monotonic()
            print(text.rstrip(), file=sys.stderr, flush=True)

    return show


def _machine() -> str:
    cpus = [
        line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return f"{len(cpus)} x {cpus[0]}, {int(memory.split()[1]) / 2**20:.0f} GiB"


if __name__ == "__main__":
    sys.exit(main())
