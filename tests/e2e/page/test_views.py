"""The view is in the address: links, reload, back, names; and what chooses it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.history import get, walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service


def query_of(page: LogPage) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.page.url).query, keep_blank_values=True)


@pytest.fixture
def page(stack: Stack, open_page: OpenPage, service: Service) -> LogPage:
    """A page that shows one record of each of three nodes and levels, a minute apart."""
    now = datetime.now(UTC)
    for minutes, level, node in ((3, "error", "a"), (2, "warn", "b"), (1, "info", "c")):
        service.log_at(
            f"{minutes} minutes ago", now - timedelta(minutes=minutes), level=level, node=f"{service.word}-{node}"
        )
    wait_for("them in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == 3)
    page = open_page(query=f"?q={service.word}")
    expect(page.records).to_have_count(3)
    return page


def test_every_choice_is_in_the_address_and_back_again(page: LogPage, service: Service) -> None:
    page.level("error").click()
    expect(page.records).to_have_count(1)
    page.level("warn").click()
    expect(page.records).to_have_count(2)
    assert query_of(page) == {"q": [service.word], "level": ["error,warn"]}
    page.page.reload()
    expect(page.records).to_have_count(2)
    expect(page.level("warn")).to_have_attribute("aria-pressed", "true")
    page.page.go_back()
    expect(page.records).to_have_count(1)
    page.page.go_back()
    expect(page.records).to_have_count(3)
    page.page.go_forward()
    expect(page.records).to_have_count(1)
    page.button("Clear filters").click()
    expect(page.page.get_by_role("searchbox", name="Text")).to_have_value("")
    assert query_of(page) == {}


def test_levels_and_nodes_show_how_many_they_have(stack: Stack, page: LogPage, service: Service) -> None:
    for level in ("error", "warn", "info"):
        expect(page.level(level)).to_contain_text("1")
    page.button("Nodes").click()
    node = page.page.get_by_role("checkbox", name=f"{service.word}-b")
    expect(node.locator("xpath=..")).to_contain_text("1")
    node.check()
    expect(page.records).to_have_count(1)
    # The others stay to be chosen from.
    expect(page.page.get_by_role("checkbox", name=f"{service.word}-a")).to_be_visible()
    node.uncheck()
    expect(page.records).to_have_count(3)
    field = page.page.get_by_role("textbox", name="Find, or use * as a wildcard")
    field.fill(f"{service.word}-[")
    expect(page.page.get_by_text("No known node matches.")).to_be_visible()
    field.fill(f"{service.word}-*")
    field.press("Enter")
    expect(page.button("Nodes: 1")).to_be_visible()
    assert query_of(page)["node"] == [f"{service.word}-*"]
    expect(page.records).to_have_count(3)
    page.page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(page.button("Nodes: 1")).to_be_focused()


def test_a_quick_range_stays_live(page: LogPage, service: Service) -> None:
    page.button("Live, all time").click()
    page.button("Last 5 minutes").click()
    expect(page.records).to_have_count(3)
    assert query_of(page)["start"] == ["-5m"]
    service.log("new")
    expect(page.records).to_have_count(4)


def test_an_absolute_range_is_history_and_leads_back_to_live(stack: Stack, page: LogPage, service: Service) -> None:
    stored = walk(stack.page_url, {"q": service.word})
    middle = datetime.fromisoformat(stored[1]["time"])
    page.page.get_by_role("combobox", name="Time zone").select_option("UTC")
    page.button("Live, all time").click()
    start, end = (page.page.get_by_role("textbox", name=name) for name in ("From", "To"))
    field = "%Y-%m-%dT%H:%M:%S"
    start.fill((middle + timedelta(seconds=30)).strftime(field))
    end.fill((middle - timedelta(seconds=30)).strftime(field))
    apply = page.button("Apply")
    apply.click()
    expect(page.page.get_by_text("The end must be after the start.")).to_be_visible()
    start.fill((middle - timedelta(seconds=30)).strftime(field))
    end.fill((middle + timedelta(seconds=30)).strftime(field))
    expect(page.page.get_by_text("A range with an end time is not updated with new records.")).to_be_visible()
    apply.click()
    expect(page.records).to_have_count(1)
    expect(page.record("2 minutes ago")).to_have_count(1)
    expect(page.connection).to_have_text("Not live")
    page.button("Back to live").click()
    expect(page.records).to_have_count(3)
    page.wait_live()


def test_dragging_over_the_histogram_chooses_a_range(stack: Stack, page: LogPage, service: Service) -> None:
    page.button("Live, all time").click()
    page.button("Last 5 minutes").click()
    chart = page.page.locator(".metrics .u-over")
    expect(chart).to_be_visible()
    expect(page.page.get_by_text("3 records", exact=True)).to_be_visible()
    box = chart.bounding_box()
    assert box
    page.page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + 30)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 30, steps=4)
    page.page.mouse.up()
    expect(page.record("3 minutes ago")).to_have_count(0)
    expect(page.record("2 minutes ago")).to_have_count(1)
    (start,), (end,) = query_of(page)["start"], query_of(page)["end"]
    wanted = get(f"{stack.page_url}/api/logs", {"q": service.word, "start": start, "end": end}).json()["records"]
    expect(page.records).to_have_count(len(wanted))
    page.button("Zoom out").click()
    expect(page.record("3 minutes ago")).to_have_count(1)
    page.button("All time").last.click()
    expect(page.records).to_have_count(3)
    page.wait_live()


def test_a_view_is_kept_under_a_name(page: LogPage, service: Service) -> None:
    page.level("warn").click()
    expect(page.records).to_have_count(1)
    page.button("Views").click()
    expect(page.page.get_by_text("No views saved in this browser yet.")).to_be_visible()
    name = page.page.get_by_role("textbox", name="Name of this view")
    name.fill("warnings")
    page.button("Save").click()
    expect(page.page.get_by_text("Saved in this browser.")).to_be_visible()
    page.page.keyboard.press("Escape")
    page.button("Clear filters").click()
    page.page.reload()
    page.wait_live()
    page.button("Views").click()
    page.page.get_by_role("button", name="warnings", exact=True).click()
    expect(page.records).to_have_count(1)
    assert query_of(page) == {"q": [service.word], "level": ["warn"]}
    page.button("Views").click()
    name.fill("warnings")
    expect(page.button("Replace warnings")).to_be_visible()
    page.button("Remove warnings").click()
    expect(page.page.get_by_text("No views saved in this browser yet.")).to_be_visible()
