"""Records appear on the page while it is open, and the reader decides which and when."""

import pytest
from harness.stack import Stack
from playwright.sync_api import expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service


@pytest.fixture
def page(open_page: OpenPage, service: Service) -> LogPage:
    """A live page that shows only what this test's service logs."""
    page = open_page()
    page.filter_text(service.word)
    return page


def test_records_appear_without_a_reload(open_page: OpenPage, service: Service) -> None:
    service.log("before")
    page = open_page()
    # With a record shown, the page has no reason to ask history.
    expect(page.record(f"{service.word} before")).to_have_count(1)
    page.page.evaluate("window.loadedOnce = true")
    service.log("first", "second", level="warn", attributes={"order": "4711"})
    for message in ("first", "second"):
        row = page.record(f"{service.word} {message}")
        expect(row).to_have_count(1)
        for text in ("warn", service.node, "order=4711"):
            expect(row).to_contain_text(text)
    assert page.page.evaluate("window.loadedOnce")


def test_newest_is_on_top(page: LogPage, service: Service) -> None:
    for number in range(1, 4):
        service.log(f"number {number}")
        expect(page.records).to_have_count(number)
    expect(page.records).to_contain_text([f"number {number}" for number in (3, 2, 1)])


def test_a_new_page_begins_with_the_latest(stack: Stack, open_page: OpenPage, service: Service) -> None:
    service.log("before the page was opened")
    expect(open_page().record(service.word)).to_have_count(1)


def test_level_filter(page: LogPage, service: Service) -> None:
    service.log_records([(level, f"as {level}", {}) for level in ("error", "warn", "info", "audit")])
    expect(page.records).to_have_count(4)

    page.level("error").click()
    expect(page.level("error")).to_have_attribute("aria-pressed", "true")
    expect(page.records).to_have_count(1)
    expect(page.records).to_contain_text("as error")

    page.level("audit").click()
    expect(page.records).to_have_count(2)
    service.log("one more", level="error")
    service.log("not this", level="info")
    service.log("but this", level="audit")
    expect(page.records).to_have_count(4)
    expect(page.record("not this")).to_have_count(0)

    page.level("error").click()
    page.level("audit").click()
    expect(page.records).to_have_count(7)


def test_text_filter(page: LogPage, service: Service) -> None:
    service.log("payment Accepted for user 42", "payment refused for user 43", "user 44 left")
    page.filter_text(f"{service.word} PAYMENT")
    expect(page.records).to_have_count(2)
    page.filter_text(f'{service.word} payment -refused "user 42"')
    expect(page.records).to_have_count(1)
    expect(page.records).to_contain_text("Accepted")
    page.filter_text(f"{service.word}")
    expect(page.records).to_have_count(3)


def test_paused_the_list_stays_and_counts(page: LogPage, service: Service) -> None:
    service.log("seen")
    expect(page.records).to_have_count(1)
    page.button("Pause").first.click()
    service.log("while paused", "and again")
    go_on = page.button("Paused, 2 new: go on")
    expect(go_on).to_be_visible()
    expect(page.records).to_have_count(1)
    go_on.click()
    expect(page.records).to_have_count(3)
    expect(page.button("go on")).to_have_count(0)


def test_scrolled_down_the_list_keeps_its_place(page: LogPage, service: Service) -> None:
    service.log(*(f"line {number:03d}" for number in range(100)))
    expect(page.records).to_have_count(100)
    reading = page.record("line 050")
    reading.scroll_into_view_if_needed()
    expect(page.button("back to the top")).to_be_visible()
    place = reading.bounding_box()
    service.log("new one", "new two")
    expect(page.button("2 new: back to the top")).to_be_visible()
    assert reading.bounding_box() == place
    page.button("2 new: back to the top").click()
    expect(page.record("new two")).to_be_in_viewport()
