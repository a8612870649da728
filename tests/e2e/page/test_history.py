"""Stored records join the live ones on the page without a hole or a repeat."""

import json
from datetime import UTC, datetime, timedelta

from harness.history import walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Page, Route, expect

from .conftest import OpenPage
from .service import Service

# More than the stream's first screen has, and more than the page puts on the screen at once.
STORED = 700


def log_stored(stack: Stack, service: Service) -> list[str]:
    """Logs and waits until history has all; answers their sequences, newest first."""
    service.log(*(f"stored {number}" for number in range(STORED)))
    found = wait_for(
        "the records in history",
        lambda: walk(stack.page_url, {"q": service.word, "limit": 1000}),
        lambda records: len(records) == STORED,
    )
    return [record["sequence"] for record in found]


def test_older_records_follow_the_live_ones(stack: Stack, open_page: OpenPage, service: Service) -> None:
    stored = log_stored(stack, service)
    page = open_page()
    page.filter_text(service.word)
    expect(page.record(service.word).first).to_be_visible()
    assert 0 < page.records.count() < STORED
    end = page.page.get_by_text("These are the oldest stored records")
    older = page.button("Load older")
    while not end.is_visible():
        expect(older.or_(page.button("Show more")).or_(end)).to_be_visible()
        if older.is_visible():
            older.click()
        else:
            page.scroll_to_end()
    assert page.sequences() == stored


def test_an_error_of_the_server_is_shown_in_its_words(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("something")
    expect(page.record(service.word)).to_have_count(1)
    page.filter_text(f'{service.word} ""')
    expect(page.records).to_have_count(1)
    page.button("Load older").click()
    alert = page.page.get_by_role("alert")
    expect(alert).to_contain_text("Invalid parameters")
    expect(alert).to_contain_text("expected words, -word or a quoted phrase")
    page.button("Dismiss").click()
    expect(alert).to_have_count(0)


def test_a_gap_is_shown_and_filled_from_history(stack: Stack, open_page: OpenPage, service: Service) -> None:
    """The stream is this test's, to have a gap at a known place; history is the real one."""
    stored = log_stored(stack, service)
    records = walk(stack.page_url, {"q": service.word, "limit": 1000})
    newest, oldest = records[:10], records[-10:]
    page = open_page(wait=False, url="about:blank")
    stream_with_gap(page.page, newest, oldest)
    page.page.goto(stack.page_url)
    page.filter_text(service.word)

    expect(page.page.get_by_text("20 of 20 records match")).to_be_visible()
    gap = page.page.locator("[data-notice=gap]")
    expect(gap).to_contain_text("Gap")
    expect(gap).to_contain_text("the window was passed")
    assert page.sequences() == [record["sequence"] for record in newest + oldest]
    assert page.page.get_by_role("listitem").nth(10).get_attribute("data-notice") == "gap"

    gap.get_by_role("button", name="Load this range").click()
    expect(gap).to_contain_text(f"{STORED - 20} records loaded")
    expect(gap.get_by_role("button")).to_have_count(0)
    while page.button("Show more").is_visible():
        page.scroll_to_end()
    assert page.sequences() == stored


def stream_with_gap(page: Page, newest: list[dict[str, object]], oldest: list[dict[str, object]]) -> None:
    """Lets /stream answer these records and a gap between them, once."""
    before, after = str(oldest[0]["time"]), str(newest[-1]["time"])
    margin = timedelta(minutes=10)
    gap = {
        "from": (moment(before) - margin).isoformat(),
        "to": (moment(after) + margin).isoformat(),
        "reason": "the window was passed",
        "received_from": before,
        "received_to": after,
    }
    body = (
        "retry: 3600000\n\n"
        f"event: logs\ndata: {json.dumps(oldest)}\n\n"
        f"event: gap\ndata: {json.dumps(gap)}\n\n"
        f"event: logs\ndata: {json.dumps(newest)}\n\n"
    )

    def answer(route: Route) -> None:
        route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/stream", answer)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_before_the_first_record_the_page_tells_how_to_send_one(stack: Stack, open_page: OpenPage) -> None:
    """Nothing is stored only once in a stack's life, so here both answers are this test's."""
    page = open_page(wait=False, url="about:blank")
    page.page.route("**/stream", lambda route: route.fulfill(content_type="text/event-stream", body="retry: 3600000\n\n"))
    page.page.route("**/api/logs*", lambda route: route.fulfill(json={"records": [], "next_cursor": None}))
    page.page.goto(stack.page_url)
    expect(page.page.get_by_role("heading", name="No log has arrived yet")).to_be_visible()
    expect(page.page.get_by_text("LoggerService.Logger/SendLog")).to_be_visible()
