"""Whose requests are answered: by the names that browsers ask by, and by the pages that ask."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from logstream_runtime.guard import HOST, ORIGIN, Guard, Hosts, Origins, read_hosts, read_origins, refusal

FETCH = {"HTTP_SEC_FETCH_MODE": "cors", "HTTP_SEC_FETCH_DEST": "empty"}
LINK = {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document"}


def refusal_of(*hosts: Hosts, **headers: str) -> str | None:
    headers_sent = {"REQUEST_METHOD": "GET", "HTTP_HOST": "localhost:3000", **headers}
    return refusal(headers_sent, hosts[0] if hosts else Hosts(), Origins())


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:3000",
        "LOCALHOST.",
        "127.0.0.1:3000",
        "127.0.0.1.",
        "10.1.2.3",
        "[::1]:3000",
        "[2001:db8::7]",
        "",
    ],
)
def test_localhost_and_addresses_are_always_ours(host: str) -> None:
    assert refusal_of(HTTP_HOST=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:3000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "2130706433",
        "0x7f.1",
        "127.1",
        "::1",
        "[::1].evil.example",
        "localhost,evil.example",
        "localhost:3000:80",
        "a@localhost",
        "lo\u212aalhost",
        " localhost",
        "evil.example#localhost",
        "[fe80::1%eth0]",
    ],
)
def test_any_other_name_is_misdirected(host: str) -> None:
    assert refusal_of(HTTP_HOST=host) == HOST


def test_names_of_the_setting_are_ours_and_no_more() -> None:
    hosts = read_hosts("Logs.Example.com, *.example.org,query,,none")
    for host in (
        "logs.example.com",
        "LOGS.example.com:443",
        "a.example.org",
        "a.b.example.org:1",
        "query:8080",
        "localhost",
    ):
        assert refusal_of(hosts, HTTP_HOST=host) is None
    for host in (
        "example.com",
        "x.logs.example.com",
        "example.org",
        "aexample.org",
        "logs.example.com.evil.example",
        "queryx",
    ):
        assert refusal_of(hosts, HTTP_HOST=host) == HOST
    assert str(hosts) == "logs.example.com,query,*.example.org"
    assert read_hosts(str(hosts)) == hosts


def test_a_star_switches_the_check_off_and_nothing_is_the_default() -> None:
    assert refusal_of(read_hosts("*"), HTTP_HOST="evil.example") is None
    assert (str(read_hosts("*")), str(Hosts()), read_hosts("none")) == ("*", "none", Hosts())


@pytest.mark.parametrize(
    "text", ["logs.example.com:443", "https://logs.example.com", "a b", "*x.com", "a.*.com", ".com", "a/b"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected host names"):
        read_hosts(f"localhost,{text}")


@pytest.mark.parametrize("text", ["shop.example.com", "https://", "ftp://a", "https://a/b", "https://u@a", "http://a:b"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected origins"):
        read_origins(text)


def test_who_is_no_browser_passes() -> None:
    assert refusal_of() is None
    assert refusal({"REQUEST_METHOD": "GET"}, Hosts(), Origins()) is None


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_page_and_the_address_line_pass(site: str) -> None:
    assert refusal_of(HTTP_SEC_FETCH_SITE=site, **FETCH) is None
    # A proxy that changes Host makes the page's own Origin look foreign; the browser knows better.
    assert refusal_of(HTTP_SEC_FETCH_SITE=site, HTTP_ORIGIN="https://logs.example.com", **FETCH) is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_pages_requests_are_refused_and_its_links_are_not(site: str) -> None:
    assert refusal_of(HTTP_SEC_FETCH_SITE=site, **FETCH) == ORIGIN
    assert refusal_of(HTTP_SEC_FETCH_SITE=site, HTTP_SEC_FETCH_MODE="no-cors", HTTP_SEC_FETCH_DEST="script") == ORIGIN
    assert refusal_of(HTTP_SEC_FETCH_SITE=site, HTTP_ORIGIN="http://localhost:8000", **FETCH) == ORIGIN
    assert refusal_of(HTTP_SEC_FETCH_SITE=site, **LINK) is None
    assert refusal_of(HTTP_SEC_FETCH_SITE=site, **LINK | {"HTTP_SEC_FETCH_DEST": "iframe"}) == ORIGIN
    assert refusal_of(HTTP_SEC_FETCH_SITE=site, REQUEST_METHOD="POST", **LINK) == ORIGIN


@pytest.mark.parametrize(
    ("host", "origin", "own"),
    [
        ("192.168.1.7:3000", "http://192.168.1.7:3000", True),
        ("192.168.1.7", "http://192.168.1.7", True),
        ("192.168.1.7:80", "http://192.168.1.7", True),
        ("192.168.1.7", "https://192.168.1.7", True),
        ("[::1]:3000", "http://[::1]:3000", True),
        ("192.168.1.7:3000", "http://192.168.1.7:3001", False),
        ("192.168.1.7:3000", "http://evil.example", False),
        ("192.168.1.7:3000", "http://192.168.1.7:3000@evil.example", False),
        ("192.168.1.7:3000", "null", False),
    ],
)
def test_a_browser_that_says_only_the_origin_is_held_against_host(host: str, origin: str, own: bool) -> None:
    assert refusal_of(HTTP_HOST=host, HTTP_ORIGIN=origin) == (None if own else ORIGIN)


def test_an_origin_and_a_host_that_can_not_be_read_are_not_the_same() -> None:
    assert refusal_of(read_hosts("*"), HTTP_HOST="a!b", HTTP_ORIGIN="http://evil!example") == ORIGIN


class Application:
    """Answers ok, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        self.calls += 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]


def call(guard: Guard, path: str = "/api/logs", **environ: str) -> tuple[str, dict[str, str], bytes]:
    responses: list[Any] = []
    base = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_HOST": "localhost"}
    body = b"".join(guard(base | environ, lambda *said: responses.append(said)))  # type: ignore[arg-type]
    [(status, headers)] = responses
    assert len(dict(headers)) == len(headers), "a header is there twice"
    return status, dict(headers), body


def test_a_refused_request_gets_a_problem_and_goes_no_further() -> None:
    application = Application()
    reasons: list[str] = []
    guard = Guard(application=application, hosts=Hosts(), origins=Origins(), on_refusal=reasons.append)
    for environ, code, reason in (
        ({"HTTP_HOST": "evil.example"}, 421, HOST),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, 403, ORIGIN),
    ):
        status, headers, body = call(guard, **environ)
        assert status.startswith(f"{code} ")
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Content-Length"] == str(len(body))
        assert json.loads(body)["status"] == code
        assert reasons.pop() == reason
        assert call(guard, REQUEST_METHOD="HEAD", **environ)[2] == b""
    assert application.calls == 0


def test_operators_ask_by_any_name() -> None:
    guard = Guard(application=Application(), hosts=Hosts(), origins=Origins())
    for path in ("/livez", "/readyz", "/metrics"):
        assert call(guard, path, HTTP_HOST="stream.monitoring.svc:8080")[0] == "200 OK"
    assert call(guard, "/metrics/", HTTP_HOST="evil.example")[0].startswith("421")


def test_an_allowed_origin_may_read_and_caches_are_told() -> None:
    guard = Guard(application=Application(), hosts=Hosts(), origins=read_origins("https://Shop.example.com"))
    cross = {"HTTP_SEC_FETCH_SITE": "cross-site", **FETCH}
    status, headers, _ = call(guard, HTTP_ORIGIN="https://shop.example.com", **cross)
    assert (status, headers["Access-Control-Allow-Origin"]) == ("200 OK", "https://shop.example.com")
    assert headers["Vary"] == "Origin"
    status, headers, _ = call(guard, HTTP_ORIGIN="https://other.example.com", **cross)
    assert status.startswith("403")
    assert "Access-Control-Allow-Origin" not in headers
    _, headers, _ = call(guard)
    assert headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Vary" not in call(Guard(application=Application(), hosts=Hosts(), origins=Origins()))[1]


def test_a_browser_that_asks_first_is_told_what_it_may() -> None:
    application = Application()
    guard = Guard(application=application, hosts=Hosts(), origins=read_origins("null,https://shop.example.com"))
    first = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    status, headers, _ = call(guard, HTTP_ORIGIN="null", **first)
    assert status == "204 No Content"
    assert "Last-Event-ID" in headers["Access-Control-Allow-Headers"]
    assert call(guard, HTTP_ORIGIN="http://evil.example", **first)[0].startswith("403")
    assert application.calls == 0
