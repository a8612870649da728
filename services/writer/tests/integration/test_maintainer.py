"""Who does the maintenance and what becomes of failures, with a real database; and `maintain --once` as a process."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from logstream_writer.maintenance.chunk_interval import ChunkInterval
from logstream_writer.maintenance.maintainer import Maintainer
from logstream_writer.maintenance.task import Report
from logstream_writer.metrics import Metrics
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.session import Connection, Session
from prometheus_client import CollectorRegistry

WAIT_S = 60
NAME = "logstream-maintenance"
MAINTAIN = (sys.executable, "-m", "logstream_writer", "maintain", "--once")


def wait(what: str, ready: Callable[[], object]) -> None:
    until = time.monotonic() + WAIT_S
    while not ready():
        assert time.monotonic() < until, f"waited {WAIT_S} s for {what}"
        time.sleep(0.02)


@dataclass
class Probe:
    """A task that counts its runs."""

    work: Callable[[Connection], object] = lambda connection: None
    name: str = "probe"
    every_s: float = 0.05
    runs: int = 0

    def run(self, connection: Connection) -> Report:
        self.runs += 1
        self.work(connection)
        return Report(done={"things": 2}, freed_bytes=10)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def maintainer(database_url: str, metrics: Metrics) -> Iterator[Callable[..., Maintainer]]:
    opened: list[Maintainer] = []

    def start(*tasks: Probe, poll_s: float = 0.05) -> Maintainer:
        opened.append(Maintainer(Session(database_url), tasks, metrics, poll_s=poll_s, first_backoff_s=0.05))
        opened[-1].start()
        return opened[-1]

    yield start
    for opened_maintainer in opened:
        opened_maintainer.close(within_s=10)


def once(database_url: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"LOGSTREAM_DATABASE_URL": database_url} | settings
    for name in ("LOGSTREAM_RABBITMQ_URL", "LOGSTREAM_REDIS_URL"):
        environment.pop(name, None)
    return subprocess.run(MAINTAIN, env=environment, capture_output=True, text=True, check=False, timeout=WAIT_S)


def lines(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stderr.splitlines()]


def add_old_hours(database: psycopg.Connection[Any]) -> None:
    """A record and its count for each of five hours two days ago."""
    database.execute("SELECT set_chunk_time_interval('logs', interval '1 hour')")
    for table, columns in (
        ("logs (time, sequence, severity, level, node, message)", "hour, 1, 9, 'info', 'orders', 'm'"),
        ("log_counts (bucket, severity, level, node, count)", "hour, 9, 'info', 'orders', 1"),
    ):
        database.execute(f"""
            INSERT INTO {table} SELECT {columns}
            FROM generate_series(1, 5) AS ago,
                 LATERAL (SELECT date_trunc('hour', now()) - (48 + ago) * interval '1 hour' AS hour) AS times
        """)


def counts(database: psycopg.Connection[Any]) -> tuple[int, ...]:
    """Records, and what each width counts."""
    row = database.execute("""
        SELECT (SELECT count(*) FROM logs),
               (SELECT coalesce(sum(count), 0) FROM log_counts) + coalesce(sum(count) FILTER (WHERE width_s = 60), 0),
               (SELECT coalesce(sum(count), 0) FROM log_counts) + coalesce(sum(count) FILTER (WHERE width_s = 600), 0),
               (SELECT coalesce(sum(count), 0) FROM log_counts) + coalesce(sum(count) FILTER (WHERE width_s = 3600), 0)
        FROM log_rollups
    """).fetchone()
    assert row
    return tuple(map(int, row))


def test_of_two_only_one_works_until_it_ends(
    database: psycopg.Connection[Any], maintainer: Callable[..., Maintainer], metrics: Metrics
) -> None:
    first, second = Probe(), Probe()
    leader = maintainer(first)
    wait("the first one's runs", lambda: first.runs >= 3)
    maintainer(second)
    runs = first.runs
    wait("more of the first one's runs", lambda: first.runs >= runs + 10)
    assert second.runs == 0
    leader.close(within_s=10)
    runs = first.runs
    wait("the second one's runs", lambda: second.runs >= 3)
    assert first.runs == runs
    assert metrics.maintenance_leading._value.get() == 1


def test_a_lost_session_is_opened_again_and_the_lock_with_it(
    database: psycopg.Connection[Any], maintainer: Callable[..., Maintainer], metrics: Metrics
) -> None:
    probe = Probe(lambda connection: connection.execute("SELECT 1"))
    maintainer(probe)
    wait("a run", lambda: probe.runs)
    ended = database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = %s AND datname = current_database()",
        [NAME],
    ).fetchall()
    assert len(ended) == 1
    runs = probe.runs
    wait("more runs", lambda: probe.runs >= runs + 3)


def test_a_failing_task_is_counted_by_its_class_and_stops_no_other(
    database: psycopg.Connection[Any], maintainer: Callable[..., Maintainer], metrics: Metrics
) -> None:
    def refused(connection: Connection) -> None:
        with connection.transaction():
            connection.execute("SELECT 1 / 0")

    def wrong(connection: Connection) -> None:
        raise ValueError("not the database's fault")

    maintainer(Probe(refused, "refused"), Probe(wrong, "wrong"), probe := Probe())
    wait("its runs", lambda: probe.runs >= 5)

    def failures(task: str, sqlstate_class: str) -> float:
        return float(metrics.maintenance_failures.labels(task, sqlstate_class)._value.get())

    wait("second tries", lambda: failures("refused", "22") >= 2 and failures("wrong", "internal") >= 2)
    assert metrics.maintenance_runs.labels("refused", "failed")._value.get() >= 2
    assert metrics.maintenance_runs.labels("probe", "failed")._value.get() == 0
    done = metrics.maintenance_runs.labels("probe", "done")._value.get()
    assert metrics.maintenance_done.labels("probe", "things")._value.get() >= 2 * done
    assert metrics.maintenance_freed_bytes.labels("probe")._value.get() >= 10 * done


def test_a_fault_outside_of_the_tasks_does_not_end_the_maintenance(
    database_url: str, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(database_url)
    acquire, faults = session.acquire, [ValueError("not the database's fault")]

    def faulty() -> bool:
        if faults:
            raise faults.pop()
        return acquire()

    monkeypatch.setattr(session, "acquire", faulty)
    running = Maintainer(session, [probe := Probe()], metrics, first_backoff_s=0.05)
    running.start()
    wait("a run", lambda: probe.runs)
    running.close(within_s=10)
    assert metrics.maintenance_failures.labels("lock", "internal")._value.get() == 1


@pytest.mark.parametrize(("name", "longest"), [("probe", 600), ("lock", 30)])
def test_what_fails_is_tried_later_and_later(database_url: str, metrics: Metrics, name: str, longest: float) -> None:
    failing = Maintainer(Session(database_url), [Probe()], metrics, first_backoff_s=8)
    pauses = [failing._failed(name, ValueError(), "internal") for _ in range(12)]
    for tries, pause_s in enumerate(pauses):
        longest_s = min(8 * 2**tries, longest)
        assert longest_s / 2 <= pause_s <= longest_s


def test_a_stop_interrupts_what_runs(
    database: psycopg.Connection[Any], maintainer: Callable[..., Maintainer], metrics: Metrics
) -> None:
    ended = threading.Event()

    def slow(connection: Connection) -> None:
        try:
            connection.execute("SELECT pg_sleep(1000)")
        finally:
            ended.set()

    probe = Probe(slow)
    running = maintainer(probe)
    wait("the run", lambda: probe.runs)
    running.close(within_s=WAIT_S)
    assert ended.is_set()
    assert metrics.maintenance_leading._value.get() == 0


def test_once_says_what_each_task_did_and_changes_nothing_again(
    database: psycopg.Connection[Any], database_url: str
) -> None:
    add_old_hours(database)
    done = once(database_url, LOGSTREAM_RETENTION_DAYS="1")
    assert done.returncode == 0, done.stderr
    said = {line["task"]: line for line in lines(done) if line["message"] == "maintenance"}
    assert set(said) >= {
        "chunk_interval",
        "count_compaction",
        "retention_by_age",
        "retention_by_size",
        "inbox",
        "columnstore",
    }
    retention = said["retention_by_age"]
    assert (retention["chunks"], retention["records"]) == (5, 5)
    assert retention["freed_bytes"] > 0
    assert counts(database) == (0, 0, 0, 0)

    again = {line["task"]: line for line in lines(once(database_url, LOGSTREAM_RETENTION_DAYS="1")) if "task" in line}
    changed = {"chunks", "records", "batches", "count_rows", "changes"}
    assert not [task for task, line in again.items() if task != "survey" and any(line.get(what) for what in changed)]


def test_once_leaves_it_to_the_process_that_has_the_lock(database: psycopg.Connection[Any], database_url: str) -> None:
    add_old_hours(database)
    session = Session(database_url)
    try:
        assert session.acquire()
        done = once(database_url, LOGSTREAM_RETENTION_DAYS="1")
    finally:
        session.close()
    assert done.returncode == 0
    assert lines(done)[-1]["message"] == "another process performs maintenance"
    assert NAME in lines(done)[-1]["holder"]
    assert counts(database) == (5, 5, 5, 5)


def test_once_fails_when_the_database_does(database: psycopg.Connection[Any], database_url: str) -> None:
    assert once("postgresql://u:p@127.0.0.1:1/none").returncode == 1
    database.execute("INSERT INTO log_counts (bucket, severity, level, node, count) VALUES (now(), 9, 'info', 'orders', 1)")
    database.execute("ALTER TABLE log_rollups RENAME TO log_rollups_away")
    try:
        done = once(database_url)
    finally:
        database.execute("ALTER TABLE log_rollups_away RENAME TO log_rollups")
    assert done.returncode == 1
    failed = {line["task"] for line in lines(done) if line["level"] == "WARNING"}
    assert failed == {"count_compaction", "retention_by_size", "survey"}


def test_other_arguments_are_refused(database_url: str) -> None:
    for arguments in (["maintain"], ["maintain", "--twice"], ["vacuum"]):
        done = subprocess.run(
            [sys.executable, "-m", "logstream_writer", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_S,
        )
        assert done.returncode == 2
        assert "`migrate` or `maintain --once`" in done.stderr


def test_a_killed_run_leaves_nothing_half_done(database: psycopg.Connection[Any], database_url: str) -> None:
    add_old_hours(database)
    # Deleting index segments comes after the counts and before the chunks.
    database.execute("""
        CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1000); RETURN NULL; END'
    """)
    database.execute("CREATE TRIGGER hang BEFORE DELETE ON search_segments FOR EACH STATEMENT EXECUTE FUNCTION hang()")
    hanging = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND wait_event = 'PgSleep'"
    environment = os.environ | {"LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_RETENTION_DAYS": "1"}
    try:
        process = subprocess.Popen(MAINTAIN, env=environment, stderr=subprocess.DEVNULL)
        try:
            wait("the middle of a pass", lambda: database.execute(hanging, [NAME]).fetchone())
        finally:
            process.kill()
            process.wait()
        # The server notices by itself, after some seconds.
        database.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = %s", [NAME])
    finally:
        database.execute("DROP TRIGGER hang ON search_segments")
        database.execute("DROP FUNCTION hang")
    assert counts(database) == (5, 5, 5, 5)
    assert once(database_url, LOGSTREAM_RETENTION_DAYS="1").returncode == 0
    assert counts(database) == (0, 0, 0, 0)


def test_the_chunk_interval_follows_the_rate(database: psycopg.Connection[Any]) -> None:
    database.execute("SELECT set_chunk_time_interval('logs', interval '1 day')")

    def run(target_bytes: int) -> tuple[float, bool]:
        report = ChunkInterval(target_bytes).run(database)
        return report.state["chunk_interval_seconds"], report.changed

    assert run(2**30) == (3600, True)
    assert run(2**30) == (3600, False)

    for table, columns in (
        ("logs (time, sequence, severity, level, node, message)", "time, 1, 9, 'info', 'orders', repeat('m', 100)"),
        ("log_counts (bucket, severity, level, node, count)", "date_trunc('minute', time), 9, 'info', 'orders', 1"),
    ):
        database.execute(f"""
            INSERT INTO {table} SELECT {columns}
            FROM generate_series(now() - interval '2 hours', now(), interval '1 second') AS time
        """)
    # Some 200 bytes a second.
    assert run(1_000) == (600, True)
    assert run(1_000) == (600, False)
    # The chunks there are as long as the interval, so it may grow by one step; then it waits for a chunk of that.
    database.execute("SELECT set_chunk_time_interval('logs', interval '1 hour')")
    assert run(2**30) == (7200, True)
    assert run(2**30) == (7200, False)
    database.execute("INSERT INTO logs SELECT now() + interval '1 hour', 1, 9, 'info', 'orders', 'm'")
    database.execute("INSERT INTO logs SELECT now() + interval '5 hours', 1, 9, 'info', 'orders', 'm'")
    assert run(2**30) == (3 * 3600, True)


def test_no_database_is_unavailable() -> None:
    session = Session("postgresql://u:p@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable):
        session.acquire()
    with pytest.raises(StoreUnavailable):
        session.run(lambda connection: None)
    session.cancel()
