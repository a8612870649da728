"""What the writer can count is there from the start."""

import re
from pathlib import Path
from typing import cast

import logstream_writer
from logstream_contract.rows.rows import MendReason
from logstream_writer.config import MaintenanceConfig
from logstream_writer.dead_letter_reasons import DeadLetterReason
from logstream_writer.maintenance.maintainer import Maintainer
from logstream_writer.maintenance.tasks import tasks_of
from logstream_writer.metrics import Metrics
from logstream_writer.store.session import Session
from prometheus_client import CollectorRegistry

TABLES = Path(str(logstream_writer.__file__)).parent / "store/migrations/versions/0007_failed.py"


def test_every_reason_of_a_dead_letter_is_declared() -> None:
    allowed = re.search(r"reason IN \(([^)]*)\)", TABLES.read_text())
    assert allowed
    assert sorted(re.findall(r"'(\w+)'", allowed[1])) == sorted(DeadLetterReason)


def test_counters_begin_at_0() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for reason in DeadLetterReason:
        assert registry.get_sample_value("logstream_writer_dead_letters_total", {"reason": reason}) == 0
    for mend_reason in MendReason:
        assert registry.get_sample_value("logstream_writer_mended_records_total", {"reason": mend_reason}) == 0
    tasks = tasks_of(MaintenanceConfig(database_url="postgresql://nowhere/"))
    Maintainer(cast(Session, None), tasks, metrics)
    for task in tasks:
        failed = {"task": task.name, "outcome": "failed"}
        assert registry.get_sample_value("logstream_writer_maintenance_runs_total", failed) == 0


def test_redis_is_not_away_before_the_first_call() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    assert registry.get_sample_value("logstream_writer_redis_up") == 1
