"""The scenario `query`: how fast stored records are found. It keeps what it loaded on a stack or database that was given to
it, so that the next run begins with it."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from harness.services import DATABASE

from bench import past, questions
from bench.producer import Phase
from bench.questions import Answered, Asker, Question
from bench.run import Bench, Load

_MAINTAIN: Final = (sys.executable, "-m", "logstream_writer", "maintain", "--once")
_INGEST_PER_S: Final = 50_000
_INGEST_S: Final = 40
_EXPORTED: Final = 1_000_000
_DROP_CACHES: Final = Path("/proc/sys/vm/drop_caches")
# What is asked while records come in; a whole search of everything would be another load.
_ASKED_MEANWHILE: Final = ("newest page", "by level", "by node", "rare word", "histogram, 10 h")


class Failed(RuntimeError):
    """Maintenance did not end well."""


def run(bench: Bench, rows: int, rate: float | None) -> list[dict[str, Any]]:
    """Loads, indexes and asks; the figures. Raises NoRoom, WrongAnswer and Failed."""
    with psycopg.connect(bench.database.url, autocommit=True) as connection:
        # At full speed by itself, and measured, not at the pace of the running writer.
        with bench.stack.environment("writer", {"LOGSTREAM_WRITER_MAINTENANCE": "false"}):
            rows = past.load(connection, rows, _folder(bench), bench.progress)
            bench.progress("indexing and compacting")
            began_s = time.monotonic()
            _maintain(bench.database.url)
            maintained_s = time.monotonic() - began_s
        bench.progress("vacuuming")
        connection.execute("VACUUM ANALYZE logs")
        index_bytes = connection.execute("SELECT pg_total_relation_size('search_pages')").fetchone()
    cold = _cold(bench)
    asker = Asker(bench.stack.page_url)
    asked = questions.questions(*asker.newest())
    runs = []
    for question in asked:
        cold_ms = None
        if cold:
            _empty_caches(bench)
            cold_ms = asker.once(question)
        runs.append(_ask(bench, asker, question, rows, "warm", cold_ms))
    lines, per_s = asker.export(min(rows, _EXPORTED))
    runs.append({"name": "export", "state": "warm", "rows": rows, "matches": lines, "per_s": round(per_s)})
    size = bench.database.bytes() + (index_bytes[0] if index_bytes else 0)
    runs.append(
        {
            "name": "maintenance of what was loaded",
            "state": "once",
            "rows": rows,
            "whole_p50_ms": round(maintained_s * 1e3, 1),
            "bytes_per_row": round(size / rows, 1),
            "index_bytes_per_row": round(index_bytes[0] / rows, 2) if index_bytes else None,
            "edition": bench.database.edition(),
        }
    )
    return runs + _meanwhile(bench, asker, asked, rows, rate or _INGEST_PER_S)


def _ask(bench: Bench, asker: Asker, question: Question, rows: int, state: str, cold_ms: float | None) -> dict[str, Any]:
    asker.once(question)
    answered = asker.ask(question)
    figures = questions.figures(question, answered, rows, state, cold_ms)
    bench.progress(f"{question.name}: p50 {figures['p50_ms']} ms, {answered.matches:,} matches\n")
    return figures


def _meanwhile(bench: Bench, asker: Asker, asked: list[Question], rows: int, rate: float) -> list[dict[str, Any]]:
    """The same questions while records come in at this rate."""
    state = f"{rate / 1e3:g}k/s coming in"
    chosen = [question for question in asked if question.name in _ASKED_MEANWHILE]
    taken: dict[str, Answered] = {}

    def ask(began_s: float) -> None:
        time.sleep(max(0.0, began_s + 5 - time.time()))
        for question in chosen:
            taken[question.name] = asker.ask(question, tries_s=5)

    outcome = bench.run(f"query, {state}", Load([Phase(rate, _INGEST_S)], viewer=False), during=ask, clear=False)
    runs = [questions.figures(question, taken[question.name], rows, state, None) for question in chosen]
    for run in runs:
        run |= {"lost": outcome.verdict.lost, "duplicated": outcome.verdict.duplicated}
    return runs


def _maintain(database_url: str) -> None:
    environment = {**os.environ, "LOGSTREAM_DATABASE_URL": database_url}
    done = subprocess.run(_MAINTAIN, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(_MAINTAIN)}: exit status {done.returncode}\n{done.stderr[-2_000:]}")


def _folder(bench: Bench) -> str | None:
    """On the disk of the database, if that is this machine's."""
    server = bench.database.server_pid()
    # By the kernel's own link, because the server may see another root.
    return f"/proc/{server}/cwd" if server else None


def _cold(bench: Bench) -> bool:
    """Whether the caches can be emptied: the server is the stack's own, and the kernel lets us."""
    return bench.database.url == bench.stack.database_url and os.access(_DROP_CACHES, os.W_OK)


def _empty_caches(bench: Bench) -> None:
    bench.database.checkpoint()
    bench.stack.stop(DATABASE)
    os.sync()
    _DROP_CACHES.write_text("3\n")
    bench.stack.start(DATABASE)
    bench.stack.wait_ready("query")
    while True:
        with suppress(psycopg.OperationalError):
            bench.database.reconnect()
            return
        time.sleep(0.1)
