"""nginx joins page and services under one origin, safely."""

import re

import pytest
import requests
from harness.history import get
from harness.stack import Stack
from harness.waiting import GENEROUS_S

PATHS = ("/", "/api/logs", "/historical-logs", "/nothing-here")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_policy(stack: Stack, path: str) -> None:
    headers = get(stack.page_url + path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    directives = [directive.strip() for directive in policy.split(";")]
    assert "worker-src 'self'" in directives
    assert "require-trusted-types-for 'script'" in directives
    assert "trusted-types logstream" in directives
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_hashed_files_are_kept_and_the_page_is_asked_for_again(stack: Stack) -> None:
    page = get(stack.page_url)
    assert page.headers["Cache-Control"] == "no-cache"
    assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
    assert len(assets) == 2
    for asset in assets:
        answer = get(stack.page_url + asset)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"
        # What nginx packs itself is sent without a length, because it isn't known yet.
        assert "Content-Length" in answer.headers
    missing = get(f"{stack.page_url}/assets/missing.js")
    assert missing.status_code == 404
    assert "Cache-Control" not in missing.headers


def test_the_page_can_ask_where_the_gateway_is(stack: Stack) -> None:
    answer = get(f"{stack.page_url}/site.json")
    assert answer.headers["Content-Type"] == "application/json"
    port = stack.gateway.rpartition(":")[2]
    assert answer.json() == {"gateway": f":{port}", "trace_url": ""}


def test_services_answer_under_the_pages_address(stack: Stack) -> None:
    page = get(f"{stack.page_url}/api/logs", {"limit": 1}).json()
    assert set(page) == {"records", "next_cursor", "complete", "scanned_until", "found"}
    assert isinstance(get(f"{stack.page_url}/historical-logs").json(), list)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_operators_routes_stay_inside(stack: Stack, path: str) -> None:
    assert get(stack.page_url + path).status_code == 404


@pytest.mark.parametrize("path", ["/stream", "/logs"])
def test_event_streams_are_neither_packed_nor_kept_back(stack: Stack, path: str) -> None:
    with requests.get(stack.page_url + path, stream=True, timeout=GENEROUS_S) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert "Content-Encoding" not in answer.headers
        # The head of a stream is far smaller than a proxy's buffer, and the stream does not end: it came through at once.
        assert next(answer.iter_content(chunk_size=None))


@pytest.mark.parametrize(
    ("service", "path", "title"),
    [
        ("query", "/api/logs", "Query service unreachable"),
        ("query", "/historical-logs", "Query service unreachable"),
        ("stream", "/stream", "Stream service unreachable"),
        ("stream", "/logs", "Stream service unreachable"),
    ],
)
def test_a_stopped_service_is_named_as_a_problem(stack: Stack, service: str, path: str, title: str) -> None:
    try:
        stack.stop(service)
        answer = get(stack.page_url + path)
    finally:
        stack.restore()
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == title
    assert answer.json()["status"] == 502
