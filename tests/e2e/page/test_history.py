"""Stored records join the live ones on the page without a hole or a repeat."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.history import get, walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Page, Route, expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

# More than a page begins with, and more than it reads at once.
STORED = 1500


def log_stored(stack: Stack, service: Service, count: int = STORED) -> list[dict[str, Any]]:
    """Logs and waits until history has all, newest first."""
    service.log(*(f"stored {number}" for number in range(count)))
    return wait_for(
        "the records in history",
        lambda: walk(stack.page_url, {"q": service.word, "limit": 1000}),
        lambda records: len(records) == count,
    )


def sequences_of(records: list[dict[str, Any]]) -> list[str]:
    return [record["sequence"] for record in records]


def test_older_records_follow_the_live_ones(stack: Stack, open_page: OpenPage, service: Service) -> None:
    log_stored(stack, service)
    page = open_page(query=f"?q={service.word}")
    service.log("live 1", "live 2")
    expect(page.record("live 2")).to_have_count(1)
    stored = walk(stack.page_url, {"q": service.word, "limit": 1000})
    assert len(stored) == STORED + 2
    assert page.walk() == sequences_of(stored)
    expect(page.page.get_by_text("These are the oldest matching records")).to_be_visible()


def test_records_that_come_while_one_reads_far_down_move_nothing(
    stack: Stack, open_page: OpenPage, service: Service
) -> None:
    log_stored(stack, service)
    page = open_page(query=f"?q={service.word}")
    expect(page.record("stored").first).to_be_visible()
    # By the keyboard, as far as what was read goes, and on.
    page.scroller.press("End")
    expect(page.region.locator(".state")).to_contain_text("1,200 records")
    # By its sequence: which of the rows are elements changes.
    reading = page.region.locator(f'[data-sequence="{page.sequences()[20]}"]')
    box = reading.bounding_box()
    service.log("new one")
    expect(page.button("Back to top (1 new)")).to_be_visible()
    assert reading.bounding_box() == box
    page.button("Back to top (1 new)").click()
    expect(page.record("new one")).to_be_in_viewport()
    assert page.walk() == sequences_of(walk(stack.page_url, {"q": service.word, "limit": 1000}))


def test_a_late_record_takes_its_place_without_moving_the_screen(
    stack: Stack, open_page: OpenPage, service: Service
) -> None:
    records = log_stored(stack, service, 150)
    page = open_page(query=f"?q={service.word}")
    expect(page.record("stored").first).to_be_visible()
    page.scroll_to(2000)
    expect(page.button("Back to top")).to_be_visible()
    reading = page.record("stored 55")
    box = reading.bounding_box()
    # Of the time of the third newest and the third oldest, far from what is on the screen.
    for at in (3, -3):
        service.log_at(f"late {at}", datetime.fromisoformat(records[at]["time"]))
    wait_for("them in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == 152)
    expect(page.region.locator(".state")).to_contain_text("152 records")
    assert reading.bounding_box() == box
    assert page.walk() == sequences_of(walk(stack.page_url, {"q": service.word, "limit": 1000}))


def test_a_search_says_how_far_it_is_and_can_be_stopped(open_page: OpenPage, service: Service) -> None:
    """A database so large that a search takes long is none of a test's: the answers are this test's, partial ones."""
    asked: list[str] = []
    held: list[Route] = []

    def partial(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= 2:
            hours = 10 - len(asked)
            body = {"records": [], "next_cursor": str(len(asked)), "scanned_until": f"2026-01-01T{hours:02}:00:00.000000Z"}
            route.fulfill(json=body)
        else:
            held.append(route)

    page = open_page(query="?q=rare", wait=False, prepare=lambda page: page.route("**/api/logs?*", partial))
    page.page.get_by_role("combobox", name="Time zone").select_option("UTC")
    status = page.page.locator(".list-end")
    expect(status).to_contain_text("Searched back to 2026-01-01 08:00:00.000, 0 found")
    page.button("Stop").click()
    expect(status).to_contain_text("Search stopped at 2026-01-01 08:00:00.000, 0 found")
    count = len(asked)
    page.button("Continue search").click()
    expect(status).to_contain_text("Searched back to")
    page.page.wait_for_function("() => document.querySelector('.list-end[role=status]') !== null")
    wait_for("the next question", lambda: count_after_a_while(page, asked), lambda found: found > count)
    assert "cursor=2" in asked[-1]


def count_after_a_while(page: LogPage, asked: list[str]) -> int:
    """The browser's questions come to the test only while it waits for the browser."""
    page.page.wait_for_timeout(50)
    return len(asked)


def test_an_error_of_the_server_is_shown_in_its_words(open_page: OpenPage) -> None:
    page = open_page(query="?start=yesterday", wait=False)
    alert = page.page.locator(".banners").get_by_role("alert")
    expect(alert).to_contain_text("Invalid parameters")
    expect(alert).to_contain_text("start=yesterday: expected a time")
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_have_count(0)


def test_the_text_filter_says_what_is_wrong_where_it_is(open_page: OpenPage, service: Service) -> None:
    service.log("disk full", "disk empty")
    page = open_page(query=f"?q={service.word}")
    expect(page.records).to_have_count(2)
    field = page.page.get_by_role("searchbox", name="Text")
    hint = page.page.locator(".text-hint")
    expect(hint).to_contain_text(f"with {service.word}")
    field.fill(f'{service.word} ""')
    expect(hint).to_contain_text(f"Character {len(service.word) + 2}: there is nothing between these quotes.")
    expect(field).to_have_attribute("aria-invalid", "true")
    # What can't be asked changes nothing.
    expect(page.records).to_have_count(2)
    page.filter_text(f"{service.word} -full")
    expect(page.records).to_have_count(1)
    expect(hint).to_contain_text("without full")


def test_a_gap_of_the_stream_is_shown_where_it_is(stack: Stack, open_page: OpenPage, service: Service) -> None:
    """The stream is this test's, to have a gap at a known place; so is the first page of history. The rest is real."""
    records = log_stored(stack, service, 300)
    newest, oldest = records[:10], records[-10:]

    def prepare(page: Page) -> None:
        page.add_init_script("delete window.SharedWorker")
        stream_with_gap(page, newest, oldest)

    page = open_page(query=f"?q={service.word}", prepare=prepare, wait=False)
    gap = page.page.locator("[data-notice=gap]")
    expect(gap).to_contain_text("too many records arrived in the meantime")
    expect(page.records).to_have_count(20)
    assert page.sequences() == sequences_of(newest + oldest)
    assert page.page.get_by_role("listitem").nth(10).locator("[data-notice]").count() == 1

    gap.get_by_role("button", name="Load this range").click()
    expect(gap).to_contain_text("280 records loaded")
    assert page.walk() == sequences_of(records)


def stream_with_gap(page: Page, newest: list[dict[str, Any]], oldest: list[dict[str, Any]]) -> None:
    """Lets /stream answer these records and a gap between them, once, and history the older of them, once."""
    before, after = str(oldest[0]["time"]), str(newest[-1]["time"])
    margin = timedelta(minutes=10)
    gap = {
        "from": (moment(before) - margin).isoformat(),
        "to": (moment(after) + margin).isoformat(),
        "reason": "past the window",
        "received_from": before,
        "received_to": after,
    }
    body = (
        "retry: 3600000\n\n"
        "event: live\ndata: {}\n\n"
        f"event: gap\ndata: {json.dumps(gap)}\n\n"
        f"event: logs\ndata: {json.dumps(newest[::-1])}\n\n"
    )
    # The end of the answer is a lost connection, which is tried again after an hour.
    page.route("**/stream?*", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    page.route(
        "**/api/logs?*",
        lambda route: route.fulfill(json={"records": oldest, "next_cursor": None, "scanned_until": None, "complete": True}),
        times=1,
    )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_before_the_first_record_the_page_tells_how_to_send_one(stack: Stack, open_page: OpenPage, service: Service) -> None:
    """Nothing is stored only once in a stack's life, so here history is this test's."""
    nothing: dict[str, Any] = {"records": [], "next_cursor": None, "scanned_until": None, "complete": True}
    page = open_page(prepare=lambda page: page.route("**/api/logs?*", lambda route: route.fulfill(json=nothing)))
    expect(page.page.get_by_role("heading", name="No logs yet")).to_be_visible()
    port = stack.gateway.rpartition(":")[2]
    host = page.page.evaluate("location.hostname")
    for line in ("LoggerService.Logger/SendLog", f'LogstreamHandler("{host}:{port}"', f'target: "{host}:{port}"'):
        expect(page.page.get_by_text(line)).to_be_visible()
    service.log("the first")
    expect(page.record("the first")).to_have_count(1)
    assert get(f"{stack.page_url}/site.json").json() == {"gateway": f":{port}", "trace_url": ""}
