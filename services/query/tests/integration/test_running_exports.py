"""Exports and the other routes of the service as it runs: memory, slow clients, clients that leave, answers broken off."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests
from harness.query_process import WAIT_S, QueryProcess, wait_until

ROWS = 300_000
MESSAGE_BYTES = 200
# A page with what is made of it, several times over; the whole export is larger.
MOST_GROWTH_BYTES = 48 * 1024 * 1024


class Service(QueryProcess):
    """Ready once it is constructed."""

    def __init__(self, database_url: str, log: Path) -> None:
        super().__init__(database_url, log, log.parent, LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S="5")
        wait_until(self.is_ready, f"the service: {log.read_text()}")

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz").ok
        except requests.ConnectionError:
            return False

    def get(self, path: str, *, stream: bool = False) -> requests.Response:
        return requests.get(self.url + path, timeout=WAIT_S, stream=stream)

    def metric(self, sample: str) -> float:
        lines = self.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), 0.0)

    def exports(self, outcome: str) -> float:
        return self.metric(f'logstream_query_exports_total{{format="ndjson",outcome="{outcome}"}}')

    def peak_bytes(self) -> int:
        """The most memory that the worker ever had."""
        pid = self.process.pid
        (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = Path(f"/proc/{worker}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@pytest.fixture(scope="module")
def service(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """On a database with ROWS records."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
            " VALUES ('default', gen_random_uuid(), '', %s, now() - interval '1 hour', now() + interval '1 minute', now())",
            (ROWS,),
        )
        connection.execute(
            "INSERT INTO logs (time, sequence, severity, level, node, message)"
            " SELECT now() - n * interval '10 ms', (1 << 16) + n, 9, 'info', 'api', repeat('x', %s)"
            " FROM generate_series(1, %s) AS n",
            (MESSAGE_BYTES, ROWS),
        )
        connection.execute(
            "INSERT INTO log_counts (bucket, node, level, severity, count)"
            " SELECT date_trunc('minute', time), node, level, severity, count(*) FROM logs GROUP BY 1, 2, 3, 4"
        )
    started = Service(database_url, tmp_path_factory.mktemp("query") / "log")
    yield started
    started.process.terminate()
    assert started.process.wait(WAIT_S) == 0


@pytest.mark.parametrize(
    "path",
    ["/api/logs/histogram", "/api/logs/facets", "/api/logs/65537/context", "/api/logs/export?max_records=5", "/api/stats"],
)
def test_every_route_answers_get_and_head(service: Service, path: str) -> None:
    answer = service.get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    head = requests.head(service.url + path, timeout=WAIT_S)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == answer.headers["Content-Type"]


def test_the_routes_agree_on_how_much_there_is(service: Service) -> None:
    histogram = service.get("/api/logs/histogram").json()
    assert (histogram["total"], histogram["source"], histogram["complete"]) == (ROWS, "counts", True)
    assert sum(bar["total"] for bar in histogram["buckets"]) == ROWS
    assert service.get("/api/logs/histogram?bucket=90s").json()["source"] == "records"
    assert service.get("/api/logs/histogram?q=x&node=nobody").json()["total"] == 0
    facets = service.get("/api/logs/facets?records=7").json()
    top = [{"value": "api", "count": ROWS}]
    assert facets["nodes"] == {"over": "all", "total": ROWS, "distinct": 1, "unnamed": 0, "top": top}
    assert facets["attributes"]["over"] == {"records": 7, "complete": False}
    assert service.get("/api/stats").json()["rows"] == ROWS


def test_a_sequence_that_is_not_stored_is_a_404(service: Service) -> None:
    answer = service.get("/api/logs/5/context")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert "no record with sequence 5 is stored" in answer.json()["detail"]


def test_an_export_takes_the_memory_of_a_page(service: Service) -> None:
    assert service.get("/api/logs/export?max_records=20000").ok
    before = service.peak_bytes()
    size, lines = 0, 0
    answer = service.get("/api/logs/export", stream=True)
    for piece in answer.iter_content(1 << 20):
        size += len(piece)
        lines += piece.count(b"\n")
    assert lines == ROWS + 1
    assert size > 1.5 * MOST_GROWTH_BYTES
    assert service.peak_bytes() - before < MOST_GROWTH_BYTES
    assert answer.headers["X-Logstream-Matching-Records"] == str(ROWS)
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="logstream-20')


def test_a_cap_is_announced(service: Service) -> None:
    answer = service.get("/api/logs/export?max_records=3&format=csv")
    assert answer.headers["X-Logstream-Max-Records"] == "3"
    assert answer.headers["X-Logstream-Matching-Records"] == str(ROWS)
    assert len(answer.text.splitlines()) == 4
    end = service.get("/api/logs/export?max_records=3&q=x").text.splitlines()[-1]
    assert '"complete":false' in end
    assert "X-Logstream-Matching-Records" not in service.get("/api/logs/export?max_records=3&q=x").headers


def test_a_client_that_reads_slowly_holds_no_connection_and_may_leave(service: Service, database_url: str) -> None:
    left = service.exports("left")
    answer = service.get("/api/logs/export", stream=True)
    next(answer.iter_content(100))

    def at_rest() -> bool:
        with psycopg.connect(database_url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'logstream-query' AND state <> 'idle'"
            ).fetchone()
        return row == (0,)

    wait_until(lambda: all(at_rest() for _ in range(5)), "the database to be left alone")
    answer.close()
    wait_until(lambda: service.exports("left") == left + 1, "the export to be given up")


def test_an_answer_that_fails_in_the_middle_is_not_ended_cleanly(service: Service, database_url: str) -> None:
    failed = service.exports("failed")
    answer = service.get("/api/logs/export", stream=True)
    pieces = answer.iter_content(1 << 16)
    next(pieces)
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE logs IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            for _ in pieces:
                pass
    assert service.exports("failed") == failed + 1
    assert service.get("/api/logs?limit=1").ok
