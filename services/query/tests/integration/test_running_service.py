"""The service as it runs, in a process of its own: concurrency, time limits, searches that take several requests."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
from harness.query_process import Serve, in_background, locked, raw_status, wait_until, waiting_statements


def test_answers(serve: Serve, one_record: psycopg.Connection) -> None:
    service = serve()
    body = service.get("/api/logs?q=HELLO").json()
    (record,) = body["records"]
    assert body["next_cursor"] is None
    assert record | {"sequence": ""} == {
        "sequence": "", "time": "2024-08-06T18:51:32.513200Z", "severity": 17, "level": "error", "node": "api",
        "message": "hello", "attributes": {}
    }  # fmt: skip
    assert service.get("/historical-logs").json() == [
        {"sequence_number": record["sequence"], "timestamp": "2024-08-06T18:51:32.513Z", "node": "api", "level": "error",
         "message": "hello"}
    ]  # fmt: skip
    assert service.get(f"/historical-logs?sequence_number={record['sequence']}").json() == []


def test_slow_statements_overlap_in_one_worker(serve: Serve, one_record: psycopg.Connection, database_url: str) -> None:
    service = serve()
    with ThreadPoolExecutor() as pool:
        with locked(database_url):
            answers = in_background(pool, service, "/api/logs", 3)
            wait_until(lambda: waiting_statements(one_record) == 3, "three statements at work")
            assert service.status("/livez") == 200
            assert service.status("/readyz") == 200
        assert [len(answer.result().json()["records"]) for answer in answers] == [1, 1, 1]


def test_a_statement_past_its_time_is_a_504(serve: Serve, one_record: psycopg.Connection, database_url: str) -> None:
    service = serve(LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S="0.5")
    with locked(database_url):
        answer = service.get("/api/logs")
    assert (answer.status_code, answer.headers["Content-Type"]) == (504, "application/problem+json")
    assert "0.5 s" in answer.json()["detail"]
    service.wait_for("/api/logs", 200)


def test_a_busy_pool_is_a_503_and_still_ready(serve: Serve, one_record: psycopg.Connection, database_url: str) -> None:
    service = serve(LOGSTREAM_QUERY_POOL_CONNECTIONS="1", LOGSTREAM_QUERY_POOL_WAIT_S="0.5")
    with ThreadPoolExecutor() as pool:
        with locked(database_url):
            (first,) = in_background(pool, service, "/api/logs", 1)
            wait_until(lambda: waiting_statements(one_record) == 1, "a statement at work")
            answer = service.get("/api/logs")
            assert service.status("/readyz") == 200
            assert "logstream_query_pool_used_connections 1.0" in service.get("/metrics").text
        assert first.result().status_code == 200
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "in use" in answer.json()["detail"]
    assert 'logstream_query_unavailable_requests_total{reason="busy"} 1.0' in service.get("/metrics").text


def test_a_search_answers_as_it_gets_along(serve: Serve, tedious: str) -> None:
    service = serve(LOGSTREAM_QUERY_SEARCH_BUDGET_S="0.05")
    answer = service.get(tedious).json()
    borders = []
    while not answer["complete"]:
        assert (answer["records"], answer["found"]) == ([], 0)
        borders.append(answer["scanned_until"])
        answer = service.get(f"{tedious}&cursor={answer['next_cursor']}").json()
    assert (answer["scanned_until"], answer["next_cursor"]) == (None, None)
    assert borders
    assert borders == sorted(set(borders), reverse=True)


def test_found_counts_over_the_pages_of_a_walk(serve: Serve, tedious: str) -> None:
    service = serve()
    counts, cursor = [], ""
    for _ in range(3):
        answer = service.get(f"/api/logs?q=hay+7&limit=20&cursor={cursor}").json()
        counts.append(answer["found"])
        cursor = answer["next_cursor"]
    assert counts == [20, 40, 60]


def test_one_search_too_many_is_a_429(serve: Serve, one_record: psycopg.Connection, tedious: str, database_url: str) -> None:
    service = serve(LOGSTREAM_QUERY_SEARCH_BUDGET_S="60", LOGSTREAM_QUERY_SEARCHES="1")
    question = "/api/logs?node=api&q=nothing-like-it"
    with ThreadPoolExecutor() as pool:
        # Where to search is looked up with the search's permit in hand.
        with locked(database_url, "log_rollups"):
            (first,) = in_background(pool, service, question, 1)
            wait_until(lambda: waiting_statements(one_record) == 1, "a search at work")
            assert "logstream_query_searches 1.0" in service.get("/metrics").text
            answer = service.get(question)
            assert service.status("/api/logs?q=hay") == 200
        assert first.result().json()["complete"] is True
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert 'logstream_query_unavailable_requests_total{reason="searches"} 1.0' in service.get("/metrics").text


def test_input_that_no_route_can_take(serve: Serve, one_record: psycopg.Connection) -> None:
    service = serve()
    assert service.get("/api/logs?limit=1e9&q=%00&cursor=x").status_code == 400
    assert (
        400 <= (raw_status(service, b"GET /api/logs?q=" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")) < 500
    )
    assert 400 <= (raw_status(service, b"GET /api/logs?q=\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n")) < 500
    assert raw_status(service, b"GET /api/logs?q=\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") == 400
    assert service.get("/api/logs?q=%25_%27%22%5C%E2%80%AE").json()["records"] == []
    assert service.get("/api/logs?start=2014-01-01&end=2034-01-01").status_code == 200
