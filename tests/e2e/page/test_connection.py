"""The page says when the live stream is lost, and misses nothing once it is back."""

from urllib.parse import urlsplit

from harness.fault_proxy import FaultProxy
from harness.stack import Stack
from playwright.sync_api import expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

LOST = "Lost, retrying"
# More than a new page begins with: what was logged before them comes only to a page that resumes.
MANY = tuple(f"filler {number}" for number in range(100))


def expect_exactly(page: LogPage, *texts: str) -> None:
    for text in texts:
        expect(page.record(text)).to_have_count(1)


def test_stream_service_stopped_and_started(stack: Stack, open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("before")
    expect_exactly(page, f"{service.word} before")
    try:
        stack.stop("stream")
        expect(page.connection).to_have_text(LOST)
        expect(page.page.get_by_role("alert")).to_contain_text("connection to the live stream is lost")
        service.log("meanwhile")
        service.log(*MANY)
        expect_exactly(page, f"{service.word} before")
        stack.start("stream")
    finally:
        stack.restore()
    page.wait_live()
    service.log("after")
    expect_exactly(page, *(f"{service.word} {when}" for when in ("before", "meanwhile", "after")))
    expect(page.page.get_by_role("alert")).to_have_count(0)


def test_network_lost_and_back(stack: Stack, open_page: OpenPage, service: Service) -> None:
    address = urlsplit(stack.page_url)
    with FaultProxy(address.hostname or "", address.port or 80) as network:
        page = open_page(url=f"http://127.0.0.1:{network.port}/")
        service.log("before")
        expect_exactly(page, f"{service.word} before")
        # A new connection gets no answer until the release.
        network.hold()
        network.drop()
        expect(page.connection).to_have_text(LOST)
        service.log("meanwhile")
        service.log(*MANY)
        network.release()
        page.wait_live()
        service.log("after")
        expect_exactly(page, *(f"{service.word} {when}" for when in ("before", "meanwhile", "after")))


def test_query_service_stopped(stack: Stack, open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("live as ever")
    expect_exactly(page, service.word)
    try:
        stack.stop("query")
        page.filter_text(service.word)
        page.button("Load older").click()
        expect(page.page.get_by_role("alert")).to_contain_text("Query service unreachable")
        page.button("go on").click()
        service.log("still live")
        expect_exactly(page, f"{service.word} still live")
    finally:
        stack.restore()
    page.button("Load older").click()
    expect(page.page.get_by_text("These are the oldest stored records")).to_be_visible()
    expect(page.page.get_by_role("alert")).to_have_count(0)
