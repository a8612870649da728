"""Records appear on the page while it is open, and the reader decides which and when."""

from urllib.parse import parse_qsl, urlencode

import pytest
from harness.history import get, walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Locator, expect

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
    resume = page.button("Resume (2 new)")
    expect(resume).to_be_visible()
    expect(page.button("Pause").first).to_have_attribute("aria-pressed", "true")
    expect(page.records).to_have_count(1)
    resume.click()
    expect(page.records).to_have_count(3)
    expect(page.button("Resume")).to_have_count(0)


def test_scrolled_down_the_list_keeps_its_place(page: LogPage, service: Service) -> None:
    service.log(*(f"line {number:03d}" for number in range(100)))
    expect(page.region.locator(".state")).to_contain_text("100 records")
    # The page's other parts have taken their places.
    expect(page.level("info")).to_have_text("info100")
    page.scroll_to(1100)
    expect(page.button("Back to top")).to_be_visible()
    reading = page.record("line 050")
    expect(reading).to_be_in_viewport()
    box = reading.bounding_box()
    service.log("new one", "new two")
    expect(page.button("Back to top (2 new)")).to_be_visible()
    assert reading.bounding_box() == box
    page.button("Back to top (2 new)").click()
    expect(page.record("new two")).to_be_in_viewport()


def test_selected_text_stays_where_it_is(page: LogPage, service: Service) -> None:
    service.log("to be copied")
    row = page.record("to be copied")
    expect(row).to_have_count(1)
    # The page's other parts have taken their places.
    expect(page.level("info")).to_have_text("info1")
    drag(page, row.locator(".message"))
    assert page.page.evaluate("String(getSelection()).trim()") != ""
    service.log("the next")
    expect(page.button("Back to top (1 new)")).to_be_visible()
    expect(page.records).to_have_count(1)
    page.page.evaluate("getSelection().empty()")
    expect(page.records).to_have_count(2)


def test_what_is_pressed_is_what_was_under_the_mouse(page: LogPage, service: Service) -> None:
    service.log(*(f"line {number}" for number in range(40)))
    # The page's other parts have taken their places.
    expect(page.level("info")).to_have_text("info40")
    box = page.scroller.bounding_box()
    assert box
    spot = (box["x"] + 400, box["y"] + 100)
    page.page.mouse.move(*spot)
    under: str = page.page.evaluate(
        "spot => document.elementFromPoint(...spot).closest('[data-sequence]').dataset.sequence", list(spot)
    )
    page.page.mouse.down()
    # As long as a slow press takes, and longer than it takes records to come.
    service.log(*(f"meanwhile {number}" for number in range(5)))
    page.page.wait_for_timeout(1000)
    page.page.mouse.up()
    opened = page.region.locator("[data-sequence]:has([aria-expanded=true])")
    expect(opened).to_have_count(1)
    assert opened.get_attribute("data-sequence") == under


def drag(page: LogPage, over: Locator) -> None:
    """The mouse, pressed at the beginning of an element and let go at its end."""
    box = over.bounding_box()
    assert box
    page.page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2, steps=5)
    page.page.mouse.up()


@pytest.mark.parametrize(
    "question",
    [
        "level=error", "level=WARN,audit", "min_level=warn", "node=other", "node=page-*", "q=payment", "q=PAYMENT+-refused",
        'q="user+42"', "q=-\"user+42\"", "q=100%25", "attr.region=eu", "attr.region=", "-attr.region=eu",
        "-attr.region=eu&-attr.region=us&level=info", "attr.a%26b=c%3Dd", "level=info&q=payment&attr.region=us",
    ],
)  # fmt: skip
def test_a_filter_means_the_same_to_history_stream_and_api(
    stack: Stack, open_page: OpenPage, service: Service, question: str
) -> None:
    """One half of the records is stored before the page is opened, the other comes live."""
    parameters = [(name, f"{service.word} {value}" if name == "q" else value) for name, value in parse_qsl(question, True)]
    if "q" not in dict(parameters):
        parameters.append(("q", service.word))
    log_variety(service)
    wait_for("them in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == VARIETY)
    page = open_page(query=f"?{urlencode(parameters)}")
    log_variety(service)
    service.log("end marker", level="error")
    every = wait_for(
        "all in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == 2 * VARIETY + 1
    )
    wanted = [record["sequence"] for record in get(f"{stack.page_url}/api/logs", parameters).json()["records"]]
    assert len(wanted) < len(every), "the filter leaves something out"
    expect(page.records).to_have_count(len(wanted))
    assert page.sequences() == wanted


VARIETY = 8


def log_variety(service: Service) -> None:
    service.log_records(
        [
            ("error", "payment refused for user 42", {"region": "eu"}),
            ("warn", "payment slow for user 43", {"region": "us"}),
            ("WARN", "user 42 left", {}),
            ("info", "payment accepted, 100% of it", {"region": "us", "a&b": "c=d"}),
            ("info", "nothing of note", {"region": ""}),
            ("audit", "payment seen", {"region": "eu", "user": "42"}),
            ("debug", "100 percent", {}),
        ]
    )
    service.log("from another node", node="other")
