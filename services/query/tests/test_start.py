"""Starting the process: bad settings end it before anything listens, and grpcio stays out."""

import os
import subprocess
import sys

import pytest


def run(code: list[str], **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"]} | settings
    return subprocess.run([sys.executable, *code], env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, ["LOGSTREAM_DATABASE_URL: missing"]),
        ({"LOGSTREAM_DATABASE_URL": "mysql://me:hush@x/y"}, ["LOGSTREAM_DATABASE_URL=***"]),
        ({"LOGSTREAM_DATABASE_URL": "postgresql://me:hush@x/y?no_such=1"}, ["LOGSTREAM_DATABASE_URL=***", "no_such"]),
        (
            {
                "LOGSTREAM_QUERY_PROCESSES": "0",
                "LOGSTREAM_QUERY_LISTEN": "nowhere",
                "LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S": "soon",
                "LOGSTREAM_LEGACY_TIMEZONE": "Mars/Olympus",
            },
            [
                "LOGSTREAM_DATABASE_URL: missing",
                "LOGSTREAM_QUERY_PROCESSES='0'",
                "LOGSTREAM_QUERY_LISTEN='nowhere'",
                "LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S='soon'",
                "LOGSTREAM_LEGACY_TIMEZONE='Mars/Olympus'",
            ],
        ),
    ],
)
def test_bad_settings_are_all_named_and_exit_2(settings: dict[str, str], named: list[str]) -> None:
    ended = run(["-m", "logstream_query"], **settings)
    assert ended.returncode == 2
    for text in named:
        assert text in ended.stderr
    assert "hush" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_settings_and_metrics_are_imported_without_gevent_and_psycopg() -> None:
    """The documentation is made from them."""
    code = "import sys, logstream_query.config, logstream_query.metrics; print(*sys.modules)"
    loaded = run(["-c", code]).stdout.split()
    assert "logstream_query.metrics" in loaded
    assert not {"gevent", "psycopg", "flask", "gunicorn"} & set(loaded)


def test_grpc_stays_out_and_psycopg_waits_cooperatively() -> None:
    code = (
        "import logstream_query.patched, logstream_query.server, sys, psycopg.waiting as w;"
        "print('grpc' in sys.modules, w.wait is w.wait_c)"
    )
    assert run(["-c", code]).stdout.split() == ["False", "False"]
