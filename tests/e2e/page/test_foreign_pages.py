"""What pages of others get from us in a browser: nothing, unless their origin is allowed. And a plain EventSource, there or
on our own page, which comes back by itself."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from harness.chromium import ARGUMENTS, CHROMIUM
from harness.services import PAGE
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .service import Service

NAME = "rebound.example"
READ = """async (path) => {
  try {
    const answer = await fetch(path);
    return `${answer.status} ${await answer.text()}`;
  } catch (error) {
    return String(error);
  }
}"""
# "" until it has said something: `open`, or that it has given up.
STREAM = """(path) => new Promise((resolve) => {
  const source = new EventSource(path);
  source.onopen = () => { source.close(); resolve("open"); };
  source.onerror = () => { if (source.readyState === 2) resolve("given up"); };
})"""
# Keeps what comes in window.seen, and its readyState in window.source.
FOLLOW = """([path, name]) => {
  window.seen = [];
  window.source = new EventSource(path);
  window.source.addEventListener(name, (event) => {
    const data = JSON.parse(event.data);
    window.seen.push(...[data].flat().map(({ message }) => message));
  });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, which finds a made-up name here, as a name service of the name's owner would have it."""
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: `make browser` installs it"
    with sync_playwright() as playwright:
        arguments = [*ARGUMENTS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


class _Foreign(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>foreign</title><p>a page of others"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def foreign() -> Iterator[str]:
    """The origin of a page of others, on a server of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Foreign)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def own(stack: Stack) -> str:
    """The page's address by a name that is another site than the foreign page's."""
    return f"http://localhost:{urlsplit(stack.page_url).port}"


def refused(stack: Stack, reason: str) -> float:
    return sum(
        stack.metrics(name)[f'logstream_{name}_refused_requests_total{{reason="{reason}"}}'] for name in ("query", "stream")
    )


@pytest.mark.parametrize("port_of", ["page", "query", "stream"])
def test_a_name_that_is_made_to_resolve_to_us_reads_nothing(stack: Stack, page: Page, port_of: str) -> None:
    address = stack.page_url if port_of == "page" else stack.admin_url(port_of)
    origin = f"http://{NAME}:{urlsplit(address).port}"
    # The name's owner has served a page before the name moved here. An error page of ours does as well: it is of the name's
    # origin, too. (One that never came from this machine Chromium would not let ask it.)
    page.goto(f"{origin}/nothing-here")
    paths = {"query": ["/api/logs", "/historical-logs"], "stream": ["/stream", "/logs"]}
    for path in paths.get(port_of, ["/api/logs", "/historical-logs", "/stream", "/logs", "/site.json"]):
        answer = page.evaluate(READ, path)
        assert answer.startswith("421 ")
        assert "LOGSTREAM_ALLOWED_HOSTS" in answer
    if port_of != "query":
        assert page.evaluate(STREAM, "/stream") == "given up"


def test_a_name_of_the_setting_reads(stack: Stack, page: Page) -> None:
    """The way of the test above does lead here: else it would prove nothing."""
    with (
        stack.environment("query", {"LOGSTREAM_ALLOWED_HOSTS": NAME}),
        stack.environment(PAGE, {"LOGSTREAM_ALLOWED_HOSTS": NAME}),
    ):
        page.goto(f"http://{NAME}:{urlsplit(stack.page_url).port}/site.json")
        assert page.evaluate(READ, "/api/logs").startswith("200 ")


@pytest.mark.parametrize("path", ["/api/logs", "/historical-logs", "/stream", "/logs"])
def test_another_origins_page_reads_nothing(stack: Stack, page: Page, foreign: str, path: str) -> None:
    page.goto(foreign)
    before = refused(stack, "origin")
    assert "TypeError" in page.evaluate(READ, own(stack) + path)
    assert page.evaluate(STREAM, own(stack) + path) == "given up"
    # What doesn't ask to read is refused, too: it would make us work.
    page.evaluate("(path) => fetch(path, {mode: 'no-cors'}).catch(() => null)", own(stack) + path)
    assert refused(stack, "origin") == before + 3


def test_another_origins_page_can_not_take_our_files_in(stack: Stack, page: Page, foreign: str) -> None:
    page.goto(foreign)
    told = page.evaluate("(path) => fetch(path, {mode: 'no-cors'}).then(String, String)", f"{own(stack)}/site.json")
    assert "TypeError" in told


def test_a_link_on_another_origins_page_leads_here(stack: Stack, page: Page, foreign: str) -> None:
    page.goto(foreign)
    page.evaluate("(path) => { document.body.innerHTML = `<a href='${path}'>logs</a>`; }", f"{own(stack)}/api/docs")
    page.get_by_role("link").click()
    expect(page).to_have_title("logstream API")


@pytest.fixture
def allowed(stack: Stack, foreign: str) -> Iterator[None]:
    setting = {"LOGSTREAM_ALLOWED_ORIGINS": foreign}
    with (
        stack.environment("query", setting),
        stack.environment("stream", setting),
        stack.environment(PAGE, setting),
    ):
        yield


@pytest.mark.usefixtures("allowed")
def test_an_allowed_origins_page_reads_and_another_does_not(stack: Stack, page: Page, foreign: str) -> None:
    page.goto(foreign)
    for path in ("/api/logs", "/historical-logs"):
        assert page.evaluate(READ, own(stack) + path).startswith("200 ")
    for path in ("/stream", "/logs"):
        assert page.evaluate(STREAM, own(stack) + path) == "open"
    # With a header that a browser asks about first.
    asked = "(path) => fetch(path, {headers: {'Last-Event-ID': 'x'}}).then((answer) => answer.status, String)"
    assert page.evaluate(asked, f"{own(stack)}/api/logs") == 200
    # The same host, but another port.
    page.goto(stack.admin_url("gateway") + "/livez")
    assert "TypeError" in page.evaluate(READ, own(stack) + "/api/logs")


def seen(page: Page) -> Callable[[], list[Any]]:
    def probe() -> list[Any]:
        found: list[Any] = page.evaluate("window.seen")
        return found

    return probe


def answers(page: Page, so_far: list[int]) -> int:
    """How many there are; the browser's events are only taken while Playwright waits."""
    page.wait_for_timeout(100)
    return len(so_far)


def go_through_an_outage(stack: Stack, page: Page, service: Service) -> None:
    """Follows service's records until after the stream service was away, and demands that each came once and in order; the
    browser must have asked in vain meanwhile."""
    wait_for("the stream to be open", lambda: page.evaluate("window.source.readyState"), lambda state: state == 1)
    service.log("before")
    wait_for("the first record", lambda: f"{service.word} before" in seen(page)())
    away: list[int] = []
    page.on("response", lambda answer: away.append(answer.status))
    try:
        stack.stop("stream")
        # Only what is answered can be counted here, so each is an answer that there is no stream.
        wait_for("it to have asked in vain", lambda: answers(page, away), lambda count: count >= 2)
        service.log(*(f"meanwhile {number}" for number in range(100)))
    finally:
        # Not restore, which would take the allowed origin back.
        stack.start("stream")
    assert set(away) == {200}
    service.log("after")
    wait_for("what came after", lambda: f"{service.word} after" in seen(page)())
    # /logs shows those of others, too.
    own_ones = [message for message in seen(page)() if message.startswith(service.word)]
    wanted = ["before", *(f"meanwhile {number}" for number in range(100)), "after"]
    assert own_ones == [f"{service.word} {text}" for text in wanted]


def test_a_plain_event_source_is_back_and_missed_nothing(stack: Stack, page: Page, service: Service) -> None:
    page.goto(f"{own(stack)}/site.json")
    page.evaluate(FOLLOW, [f"/stream?recent=0&q={service.word}", "logs"])
    go_through_an_outage(stack, page, service)


@pytest.mark.usefixtures("allowed")
def test_the_seeds_page_on_its_own_origin_is_back(stack: Stack, page: Page, foreign: str, service: Service) -> None:
    page.goto(foreign)
    page.evaluate(FOLLOW, [f"{own(stack)}/logs", "message"])
    go_through_an_outage(stack, page, service)
