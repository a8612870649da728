"""The page says when the live stream is lost, and misses nothing once it is back."""

import signal
from urllib.parse import urlsplit

import pytest
import redis
from harness.fault_proxy import FaultProxy
from harness.history import walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

LOST = "Disconnected, retrying…"
# More than a new page begins with: what was logged before them comes only to a page that resumes.
MANY = tuple(f"filler {number}" for number in range(100))


@pytest.fixture
def page(open_page: OpenPage, service: Service) -> LogPage:
    """A live page of what this test's service logs, with one record."""
    page = open_page(query=f"?q={service.word}")
    service.log("before")
    expect(page.record("before")).to_have_count(1)
    return page


def expect_exactly(stack: Stack, page: LogPage, service: Service, count: int) -> None:
    """The page shows what history has, in its order: so many records."""
    stored = [record["sequence"] for record in walk(stack.page_url, {"q": service.word, "limit": 1000})]
    assert len(stored) == count
    assert page.walk() == stored


def log_meanwhile(service: Service) -> None:
    service.log("meanwhile")
    service.log(*MANY)


def test_stream_service_killed(stack: Stack, page: LogPage, service: Service) -> None:
    """In the midst of what it sends; it is started again by itself."""
    service.log(*MANY)
    stack.kill("stream", signal.SIGKILL)
    service.log("meanwhile")
    stack.wait_ready("stream")
    page.wait_live()
    service.log("after")
    expect(page.record("after")).to_have_count(1)
    expect_exactly(stack, page, service, len(MANY) + 3)


def test_stream_service_stopped_and_started(stack: Stack, page: LogPage, service: Service) -> None:
    try:
        stack.stop("stream")
        expect(page.connection).to_have_text(LOST)
        expect(page.page.get_by_role("alert")).to_contain_text("connection to the live stream was lost")
        log_meanwhile(service)
        expect(page.record("before")).to_have_count(1)
        stack.start("stream")
    finally:
        stack.restore()
    page.wait_live()
    service.log("after")
    expect(page.record("after")).to_have_count(1)
    expect_exactly(stack, page, service, len(MANY) + 3)
    expect(page.page.locator("[data-notice]")).to_have_count(0)
    expect(page.page.get_by_role("alert")).to_have_count(0)


def test_network_lost_and_back(stack: Stack, open_page: OpenPage, service: Service) -> None:
    address = urlsplit(stack.page_url)
    with FaultProxy(address.hostname or "", address.port or 80) as network:
        page = open_page(url=f"http://127.0.0.1:{network.port}/", query=f"?q={service.word}")
        service.log("before")
        expect(page.record("before")).to_have_count(1)
        # A new connection gets no answer until the release.
        network.hold()
        network.drop()
        expect(page.connection).to_have_text(LOST)
        log_meanwhile(service)
        network.release()
        page.wait_live()
        service.log("after")
        expect(page.record("after")).to_have_count(1)
        expect_exactly(stack, page, service, len(MANY) + 3)


def test_a_gap_is_shown_at_its_place_and_filled(stack: Stack, page: LogPage, service: Service) -> None:
    """What a page missed is no longer in the recent window, but stored."""
    try:
        stack.stop("stream")
        expect(page.connection).to_have_text(LOST)
        log_meanwhile(service)
        wait_for(
            "them in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == len(MANY) + 2
        )
        with redis.Redis.from_url(stack.redis_url) as window:
            window.flushdb()
        stack.start("stream")
    finally:
        stack.restore()
    page.wait_live()
    gap = page.page.locator("[data-notice=gap]")
    expect(gap).to_contain_text("some records may be missing here")
    expect(page.record("meanwhile")).to_have_count(0)
    service.log("after")
    expect(page.record("after")).to_have_count(1)
    rows = page.region.locator("[data-sequence], [data-notice]")
    assert rows.nth(1).get_attribute("data-notice") == "gap", "below the newest, above what came before"

    gap.get_by_role("button", name="Load this range").click()
    expect(gap).to_contain_text(f"{len(MANY) + 1} records loaded")
    expect(gap).to_contain_text("All records in this range are now loaded")
    expect(gap.get_by_role("button")).to_have_count(0)
    expect_exactly(stack, page, service, len(MANY) + 3)


def test_query_service_stopped(stack: Stack, open_page: OpenPage, service: Service) -> None:
    service.log("stored before")
    try:
        stack.stop("query")
        page = open_page(query=f"?q={service.word}")
        alert = page.page.get_by_role("alert").first
        expect(alert).to_contain_text("Query service unreachable")
        expect(alert).to_contain_text("The service that reads stored logs does not respond")
        service.log("still live")
        expect(page.record("still live")).to_have_count(1)
    finally:
        stack.restore()
    # It asks again by itself.
    expect(page.record("stored before")).to_have_count(1)
    expect(page.page.get_by_text("These are the oldest matching records")).to_be_visible()
    expect(page.record("still live")).to_have_count(1)


def test_the_page_comes_before_the_stream(stack: Stack, open_page: OpenPage, service: Service) -> None:
    """History is shown without the stream, and joined by it without a hole."""
    service.log("stored before")
    try:
        stack.stop("stream")
        page = open_page(query=f"?q={service.word}", wait=False)
        expect(page.record("stored before")).to_have_count(1)
        service.log("in between")
        stack.start("stream")
    finally:
        stack.restore()
    page.wait_live()
    service.log("after")
    expect(page.record("after")).to_have_count(1)
    expect_exactly(stack, page, service, 3)
