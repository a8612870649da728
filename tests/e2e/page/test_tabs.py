"""Many windows of one browser: they share a connection where they watch the same, and those that nobody sees hold none."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from harness.history import walk
from harness.metrics import total
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Browser, expect

from .log_page import LogPage
from .service import Service

TABS = 10
# A browser opens six HTTP/1.1 connections to a host; two of them are left for questions.
MOST_STREAMS = 4

# Headless windows are all visible, so a test says which is.
VISIBILITY = """
let seen = "visible";
Object.defineProperty(Document.prototype, "visibilityState", { get: () => seen });
Object.defineProperty(Document.prototype, "hidden", { get: () => seen === "hidden" });
window.setVisibility = (state) => {
  seen = state;
  document.dispatchEvent(new Event("visibilitychange"));
};
"""

OpenTab = Callable[[str], LogPage]


@pytest.fixture
def open_tab(stack: Stack, browser: Browser) -> Iterator[OpenTab]:
    """Opens windows of one profile on a view's parameters."""
    context = browser.new_context(locale="en-US")
    context.add_init_script(VISIBILITY)
    opened: list[LogPage] = []

    def open_one(parameters: str) -> LogPage:
        tab = LogPage(context.new_page())
        opened.append(tab)
        tab.page.goto(f"{stack.page_url}/?{parameters}")
        return tab

    yield open_one
    context.close()
    assert [problem for tab in opened for problem in tab.problems] == []


@pytest.fixture
def streams(stack: Stack) -> Callable[[], int]:
    """How many connections to /stream there are, besides those that others left."""
    wait_for("the connections of others to end", lambda: viewers(stack), lambda count: count == 0)
    return lambda: viewers(stack)


def viewers(stack: Stack) -> int:
    return int(total(stack.metrics("stream"), "logstream_stream_viewers"))


def set_visibility(tab: LogPage, state: str) -> None:
    tab.page.evaluate(f"setVisibility('{state}')")


def test_tabs_of_one_filter_share_a_connection(open_tab: OpenTab, service: Service, streams: Callable[[], int]) -> None:
    tabs = [open_tab(f"q={service.word}") for _ in range(TABS)]
    for tab in tabs:
        tab.wait_live()
    assert streams() == 1
    service.log("to all of them")
    for tab in tabs:
        expect(tab.record(f"{service.word} to all of them")).to_have_count(1)
    # The one that opened the connection is not needed for it.
    tabs[0].page.close()
    service.log("to those that are left")
    for tab in tabs[1:]:
        expect(tab.record(f"{service.word} to those that are left")).to_have_count(1)
    assert streams() == 1


def test_tabs_of_many_filters_stay_usable(
    stack: Stack, open_tab: OpenTab, service: Service, streams: Callable[[], int]
) -> None:
    service.log(*(f"number{number}" for number in range(TABS)))
    wait_for("the records in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == TABS)
    tabs = [open_tab(f"q={quote(f'{service.word} number{number}')}") for number in range(TABS)]
    for number, tab in enumerate(tabs):
        expect(tab.record(f"{service.word} number{number}")).to_have_count(1)
    assert streams() == MOST_STREAMS
    expect(tabs[-1].connection).to_have_text("Too many live windows")
    # Questions are answered in those with a connection and in those without.
    for number, tab in [(0, tabs[0]), (TABS - 1, tabs[-1])]:
        tab.page.get_by_role("searchbox", name="Text").fill(f'{service.word} "number{number}"')
        expect(tab.page).to_have_url(re.compile("%22"))
        expect(tab.record(f"{service.word} number{number}")).to_have_count(1)
    for tab in tabs[:-1]:
        set_visibility(tab, "hidden")
    tabs[-1].wait_live()
    wait_for("only the visible window to hold a connection", streams, lambda count: count == 1)
    service.log(f"number{TABS - 1} once more", "number0 once more")
    expect(tabs[-1].record("once more")).to_have_count(1)


def test_a_hidden_tab_lets_go_and_comes_back(open_tab: OpenTab, service: Service, streams: Callable[[], int]) -> None:
    tab = open_tab(f"q={service.word}")
    tab.wait_live()
    service.log("before")
    expect(tab.records).to_have_count(1)
    set_visibility(tab, "hidden")
    wait_for("the hidden window to let go of its connection", streams, lambda count: count == 0)
    service.log(*(f"meanwhile {number}" for number in range(12)))
    expect(tab.records).to_have_count(1)
    set_visibility(tab, "visible")
    tab.wait_live()
    assert streams() == 1
    service.log("after")
    expect(tab.records).to_have_count(14)
    expect(tab.records).to_contain_text(["after", *(f"meanwhile {number}" for number in range(11, -1, -1)), "before"])
    assert len(set(tab.sequences())) == 14
    expect(tab.page.locator("[data-notice]")).to_have_count(0)
