"""10,000 records a second, and a reader who wants to read one of them: what they look at stays where it is."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Locator, expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

BATCH_RECORDS = 1_000
EVERY_S = 0.1
# Of the records that come while the reader reads.
MANY = 20_000
AWAY_PX = 2_000
SETTLING_MS = 300
# What is seen of each row in the list's window: which it is, what it says, where it is. As the next frame draws it: what a
# script finds between frames is never seen.
ROWS = """() => new Promise((found) => requestAnimationFrame(() => {
  const list = document.querySelector(".scroller");
  const { top, bottom } = list.getBoundingClientRect();
  const rows = [...list.querySelectorAll("[data-sequence]")].map((row) => {
    const { x, y, width, height } = row.getBoundingClientRect();
    return [row.dataset.sequence, row.innerText, x, y, width, height];
  });
  found(rows.filter(([, , , y, , height]) => y + height > top && y < bottom));
}))"""


@pytest.fixture(scope="module", autouse=True)
def everything_is_sent(stack: Stack) -> Iterator[None]:
    """By default a viewer is sent a sample of so many."""
    with stack.environment("stream", {"LOGSTREAM_STREAM_MAX_RATE": "0"}):
        yield


@contextmanager
def storm(service: Service) -> Iterator[None]:
    """10,000 records a second until the end of the block."""
    ending = threading.Event()
    errors: list[BaseException] = []

    def send() -> None:
        due, number = time.monotonic(), 0
        try:
            while not ending.wait(max(0.0, due - time.monotonic())):
                service.log(*(f"in the storm {number + index}" for index in range(BATCH_RECORDS)))
                number += BATCH_RECORDS
                due += EVERY_S
        except BaseException as error:  # noqa: BLE001  (raised in the test's thread)
            errors.append(error)

    thread = threading.Thread(target=send, name="storm")
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
    if errors:
        raise errors[0]


def rows_on_screen(page: LogPage) -> list[list[Any]]:
    found: list[list[Any]] = page.page.evaluate(ROWS)
    return found


def rows_apart(page: LogPage) -> tuple[list[list[Any]], list[list[Any]]]:
    """The rows now and somewhat later."""
    now = rows_on_screen(page)
    page.page.wait_for_timeout(SETTLING_MS)
    return now, rows_on_screen(page)


def waiting(button: Locator) -> int:
    """How many new records the button says there are."""
    return int("".join(character for character in button.inner_text() if character.isdigit()))


def expect_unmoved_while_many_come(page: LogPage) -> None:
    counter = page.button(" new")
    expect(counter).to_be_visible()
    before = rows_on_screen(page)
    assert len(before) > 5
    counted = [waiting(counter)]
    until = time.monotonic() + 60
    while counted[-1] < counted[0] + MANY and time.monotonic() < until:
        assert rows_on_screen(page) == before
        counted.append(waiting(counter))
    assert counted == sorted(counted)
    assert counted[-1] >= counted[0] + MANY
    assert rows_on_screen(page) == before


def test_paused_in_a_storm_nothing_moves(stack: Stack, open_page: OpenPage, service: Service) -> None:
    page = open_page(url=f"{stack.page_url}/?q={service.word}")
    with storm(service):
        expect(page.record("in the storm").first).to_be_visible()
        page.button("Pause").first.click()
        expect_unmoved_while_many_come(page)
        page.button(" new").click()
        expect(page.button("Resume")).to_have_count(0)
        expect(page.record("in the storm").first).to_be_visible()
    service.log("after the storm")
    expect(page.records.first).to_contain_text("after the storm")
    expect(page.record("after the storm")).to_be_in_viewport()


def test_scrolled_away_in_a_storm_nothing_moves(stack: Stack, open_page: OpenPage, service: Service) -> None:
    page = open_page(url=f"{stack.page_url}/?q={service.word}")
    with storm(service):
        expect(page.records.nth(20)).to_be_attached()
        page.page.locator(".scroller").hover()
        page.page.mouse.wheel(0, AWAY_PX)
        expect(page.button("Back to top")).to_be_visible()
        wait_for("the wheel's turn to be over", lambda: rows_apart(page), lambda rows: rows[0] == rows[1])
        expect_unmoved_while_many_come(page)
        page.button("Back to top").click()
        expect(page.button("Back to top")).to_have_count(0)
    service.log("after the storm")
    expect(page.records.first).to_contain_text("after the storm")
