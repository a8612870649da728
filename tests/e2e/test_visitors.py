"""Who may ask: by which names, for which pages, and behind which proxies. And what is answered before a service is asked."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests
from harness.services import PAGE
from harness.stack import Stack
from harness.waiting import GENEROUS_S

FOREIGN = "evil.example"
PROBLEM = "application/problem+json"
# Of each service a route that answers at once, and does not end where it is a stream.
ROUTES = {"query": ("/api/logs?limit=1", "/historical-logs"), "stream": ("/stream", "/logs")}
BY_SERVICE = [(service, route) for service, routes in ROUTES.items() for route in routes]


def ask(url: str, **headers: str) -> tuple[int, requests.Response]:
    """headers: `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with requests.get(url, headers=named, stream=True, timeout=GENEROUS_S) as answer:
        if answer.status_code != 200:
            assert answer.headers["Content-Type"] == PROBLEM
            assert answer.json()["status"] == answer.status_code
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        return answer.status_code, answer


def refused(stack: Stack, service: str, reason: str) -> float:
    return stack.metrics(service)[f'logstream_{service}_refused_requests_total{{reason="{reason}"}}']


@pytest.mark.parametrize("path", ["/", "/site.json", "/nothing-here", "/api/logs", "/historical-logs", "/stream", "/logs"])
def test_the_page_is_not_served_under_a_foreign_name(stack: Stack, path: str) -> None:
    port = urlsplit(stack.page_url).port
    for name in (FOREIGN, f"{FOREIGN}:{port}", "localhost.evil.example", "127.0.0.1.evil.example"):
        assert ask(stack.page_url + path, Host=name)[0] == 421
    for name in ("localhost", f"127.0.0.1:{port}", "[::1]:3000"):
        assert ask(stack.page_url + path, Host=name)[0] == (404 if path == "/nothing-here" else 200)


@pytest.mark.parametrize(("service", "path"), BY_SERVICE)
def test_a_services_own_port_asks_for_the_name_as_well(stack: Stack, service: str, path: str) -> None:
    before = refused(stack, service, "host")
    assert ask(stack.admin_url(service) + path, Host=f"{FOREIGN}:80")[0] == 421
    assert refused(stack, service, "host") == before + 1
    assert ask(stack.admin_url(service) + path, Host="localhost")[0] == 200
    metrics = requests.get(f"{stack.admin_url(service)}/metrics", headers={"Host": "scraped.svc"}, timeout=GENEROUS_S)
    assert metrics.status_code == 200


def test_names_of_the_setting_are_served(stack: Stack) -> None:
    names = {"LOGSTREAM_ALLOWED_HOSTS": "logs.example.com, *.example.org"}
    with stack.environment("query", names), stack.environment(PAGE, names):
        for path in ("/", "/api/logs"):
            for name in ("logs.example.com:3000", "LOGS.example.com", "a.b.example.org", "localhost"):
                assert ask(stack.page_url + path, Host=name)[0] == 200
            for name in ("example.org", "logsxexample.com", "logs.example.com.evil.example", FOREIGN):
                assert ask(stack.page_url + path, Host=name)[0] == 421


@pytest.mark.parametrize(("service", "path"), BY_SERVICE)
def test_another_origins_page_may_not_ask(stack: Stack, service: str, path: str) -> None:
    url = stack.page_url + path
    before = refused(stack, service, "origin")
    assert ask(url, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors")[0] == 403
    assert ask(url, Origin=f"http://{FOREIGN}")[0] == 403
    assert refused(stack, service, "origin") == before + 2
    # Our own page, a link, and who is no browser.
    assert ask(url, Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors")[0] == 200
    assert ask(url, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")[0] == 200
    assert ask(url, Origin=stack.page_url)[0] == 200
    assert ask(url)[0] == 200


@pytest.fixture
def viewers() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def statuses(stack: Stack, viewers: ExitStack, count: int) -> list[int]:
    """Of as many viewers, each of whom names another client."""
    found = []
    for number in range(count):
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        answer = requests.get(f"{stack.page_url}/stream", headers=headers, stream=True, timeout=GENEROUS_S)
        found.append(viewers.enter_context(answer).status_code)
    return found


def test_a_made_up_client_does_not_evade_the_limit(stack: Stack, viewers: ExitStack) -> None:
    with stack.environment("stream", {"LOGSTREAM_STREAM_VIEWERS_PER_CLIENT": "3"}):
        assert statuses(stack, viewers, 5) == [200] * 3 + [429] * 2


def test_clients_behind_a_named_proxy_are_told_apart(stack: Stack, viewers: ExitStack) -> None:
    with (
        stack.environment("stream", {"LOGSTREAM_STREAM_VIEWERS_PER_CLIENT": "1"}),
        stack.environment(PAGE, {"LOGSTREAM_PAGE_TRUSTED_PROXIES": "127.0.0.1,::1"}),
    ):
        assert statuses(stack, viewers, 3) == [200] * 3
        assert statuses(stack, viewers, 1) == [429]
        # What is before the address that the proxy added is made up.
        headers = {"X-Forwarded-For": "198.51.100.9, 203.0.113.0"}
        answer = requests.get(f"{stack.page_url}/stream", headers=headers, stream=True, timeout=GENEROUS_S)
        assert viewers.enter_context(answer).status_code == 429


def raw(page_url: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(page_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=GENEROUS_S) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (400, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
        (400, b'{"no": "HTTP"}\r\n\r\n'),
        (404, b'GET /"}%22%7d<b> HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
        (405, b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        (413, b"POST /api/logs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9000\r\n\r\n"),
        (413, b"POST /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9000\r\n\r\n"),
        (414, b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: " + b"a" * 9_000 + b"\r\n\r\n"),
        (505, b"GET / HTTP/3.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    ],
    ids=["no host", "no HTTP", "404", "405", "413", "413 of the stream", "414", "431", "505"],
)
def test_the_proxys_own_errors_are_problems(stack: Stack, status: int, request_bytes: bytes) -> None:
    answered, headers, body = raw(stack.page_url, request_bytes)
    assert (answered, headers["Content-Type"]) == (status, PROBLEM)
    problem = json.loads(body)
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    assert headers["X-Content-Type-Options"] == "nosniff"
