"""A record leads to its whole trace: over all nodes, in order, with the time between the records."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.history import get, walk
from harness.services import PAGE
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Locator, Route, expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

MOST = 1000
UI = "https://traces.example/trace/{trace_id}?source=logs"


@pytest.fixture
def trace_id() -> str:
    return secrets.token_hex(16)


@pytest.fixture
def start() -> datetime:
    """Of the trace. In whole seconds, and long enough ago to be in the past with all its records."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


Log = Callable[..., None]


@pytest.fixture
def log(service: Service, trace_id: str, start: datetime) -> Log:
    """Logs a record of the trace at this time after its start."""

    def log_one(message: str, after: timedelta, *, node: str = "shop", level: str = "info") -> None:
        attributes = {"trace_id": trace_id, "span_id": secrets.token_hex(8)}
        service.log_at(message, start + after, node=f"{node}-{service.word}", level=level, attributes=attributes)

    return log_one


def wait_stored(stack: Stack, trace_id: str, count: int) -> None:
    asked: dict[str, str | int] = {"attr.trace_id": trace_id, "limit": 5000}
    wait_for("the trace in history", lambda: len(walk(stack.page_url, asked)), lambda stored: stored == count)


def open_trace(page: LogPage, text: str) -> Locator:
    """Answers the dialog of the trace of the record with this text."""
    page.open_record(text).get_by_role("button", name="Whole trace").click()
    dialog = page.page.get_by_role("dialog", name="Trace")
    expect(dialog).to_be_visible()
    return dialog


def messages(dialog: Locator) -> list[str]:
    """Without the word of the service."""
    texts: list[str] = dialog.locator(".message").all_text_contents()
    return [text.partition(" ")[2] for text in texts]


def test_a_trace_over_three_nodes_is_shown_in_order(
    stack: Stack, open_page: OpenPage, service: Service, log: Log, trace_id: str, start: datetime
) -> None:
    # Logged in another order than it happened in.
    log("paid", timedelta(milliseconds=1_512, microseconds=345), node="payment")
    log("ordered", timedelta(0))
    log("refused at first", timedelta(milliseconds=12, microseconds=345), node="checkout", level="error")
    log("shipped", timedelta(minutes=2, milliseconds=1_512, microseconds=345))
    service.log_at("another trace", start, attributes={"trace_id": secrets.token_hex(16)})
    service.log_at("no trace", start, attributes={"trace_id": "4bf9"})
    wait_stored(stack, trace_id, 4)

    # A filter of the page is none of the trace.
    page = open_page(query=f"?q={service.word}&start=-1h&node=payment-*,page-*")
    other = page.open_record("no trace")
    expect(other.get_by_role("button", name="Context")).to_be_visible()
    expect(other.get_by_role("button", name="Whole trace")).to_have_count(0)
    dialog = open_trace(page, "paid")
    assert dialog.get_by_role("heading").text_content() == f"Trace {trace_id}"
    expect(dialog.get_by_role("status")).to_have_text("4 records in 2 min 01 s, oldest first")
    assert messages(dialog) == ["ordered", "refused at first", "paid", "shipped"]
    assert dialog.locator(".gap").all_text_contents() == [f"{start:%H:%M:%S}.000", "+12.3 ms", "+1.50 s", "+2 min 00 s"]
    assert dialog.locator("li .node").all_text_contents() == [
        f"{node}-{service.word}" for node in ("shop", "checkout", "payment", "shop")
    ]
    counts = dialog.locator(".trace-counts > div")
    expect(counts.nth(0)).to_have_text(f"Nodeshop-{service.word} 2checkout-{service.word} 1payment-{service.word} 1")
    expect(counts.nth(1)).to_have_text("Levelinfo 3error 1")
    expect(dialog.locator("[aria-current=true]")).to_contain_text("paid")
    # This installation has no tracing UI.
    expect(page.page.get_by_role("link", name="tracing UI")).to_have_count(0)

    # The keyboard gets there and back.
    dialog.locator(".line").first.press("Enter")
    expect(dialog.get_by_role("region", name="Record")).to_contain_text(trace_id)
    page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.button("Whole trace")).to_be_focused()


def test_context_and_trace_lead_to_each_other(
    stack: Stack, open_page: OpenPage, service: Service, log: Log, trace_id: str
) -> None:
    log("first", timedelta(0))
    log("second", timedelta(seconds=1), node="checkout")
    wait_stored(stack, trace_id, 2)
    page = open_page(query=f"?q={service.word}&start=-1h")
    dialog = open_trace(page, "first")
    dialog.locator(".line").nth(1).click()
    dialog.get_by_role("button", name="Context").click()
    context = page.page.get_by_role("dialog", name="Context")
    expect(context.locator("[aria-current=true]")).to_contain_text("second")
    expect(page.page.get_by_role("dialog")).to_have_count(1)
    context.locator(".line").first.click()
    context.get_by_role("button", name="Whole trace").click()
    expect(dialog.locator("[aria-current=true]")).to_contain_text("second")
    expect(page.page.get_by_role("dialog")).to_have_count(1)
    assert "record=" not in page.page.url
    dialog.get_by_role("button", name="Close").click()
    expect(page.page.get_by_role("dialog")).to_have_count(0)


def test_it_is_searched_as_far_as_the_reader_wants(
    stack: Stack, open_page: OpenPage, service: Service, log: Log, trace_id: str
) -> None:
    log("days before", timedelta(days=-3))
    log("hours before", timedelta(hours=-5))
    log("in time", timedelta(0))
    wait_stored(stack, trace_id, 3)
    page = open_page(query=f"?q={service.word}&start=-1h")
    dialog = open_trace(page, "in time")
    status = dialog.get_by_role("status")
    expect(status).to_have_text("1 record")
    expect(dialog.get_by_role("button", name="± 1 hour")).to_have_attribute("aria-pressed", "true")
    dialog.get_by_role("button", name="± 24 hours").click()
    expect(status).to_have_text("2 records in 5 h 00 min, oldest first")
    assert messages(dialog) == ["hours before", "in time"]
    wider = dialog.get_by_role("button", name="All time")
    wider.click()
    expect(status).to_have_text("3 records in 72 h 00 min, oldest first")
    expect(wider).to_be_focused()
    assert messages(dialog) == ["days before", "hours before", "in time"]


def test_a_search_shows_how_far_it_is_and_stops(
    stack: Stack, open_page: OpenPage, service: Service, log: Log, trace_id: str, start: datetime
) -> None:
    log("found at last", timedelta(0))
    wait_stored(stack, trace_id, 1)
    asked: list[dict[str, list[str]]] = []
    page = open_page(query=f"?q={service.word}&start=-1h")

    def answer(route: Route) -> None:
        """The first page has nothing yet, the second fails, the third never comes, and the others are the service's."""
        asked.append(parse_qs(urlsplit(route.request.url).query))
        if len(asked) == 1:
            searched = f"{start - timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"
            begun = get(f"{stack.page_url}/api/logs", {"limit": 1, "end": searched, "order": "asc"}).json()
            route.fulfill(json=begun | {"records": [], "next_cursor": "further", "scanned_until": searched})
        elif len(asked) == 2:
            problem = {"title": "Too busy", "status": 503, "detail": "Try again in a moment."}
            route.fulfill(status=503, content_type="application/problem+json", json=problem)
        elif len(asked) > 3:
            route.continue_(url=route.request.url.replace("cursor=further", ""))

    page.page.route("**/api/logs?attr.trace_id=*", answer)
    dialog = open_trace(page, "found at last")
    expect(dialog.get_by_role("alert")).to_contain_text("Too busy")
    button = dialog.get_by_role("button", name="Try again")
    button.click()
    stop = dialog.get_by_role("button", name="Stop")
    status = dialog.get_by_role("status")
    expect(status).to_contain_text("Searched up to")
    expect(stop).to_be_focused()
    stop.click()
    expect(status).to_contain_text("Search stopped at")
    dialog.get_by_role("button", name="Continue search").click()
    expect(status).to_have_text("1 record")
    expect(dialog.get_by_role("button", name="Search again")).to_be_focused()
    assert [question.get("cursor") for question in asked] == [None, ["further"], ["further"], ["further"]]
    hour = timedelta(hours=1)
    for question in asked:
        assert question["order"] == ["asc"]
        assert question["start"] == [f"{start - hour:%Y-%m-%dT%H:%M:%S}.000000Z"]
        assert question["end"] == [f"{start + hour:%Y-%m-%dT%H:%M:%S}.000000Z"]


def test_a_trace_past_the_bound_says_so_and_leads_to_the_list(
    stack: Stack, open_page: OpenPage, service: Service, trace_id: str
) -> None:
    service.log_records([("info", f"step {number}", {"trace_id": trace_id}) for number in range(MOST + 1)])
    service.log("no part of it")
    wait_stored(stack, trace_id, MOST + 1)
    page = open_page(query=f"?q={service.word}+-%22no+part%22&start=-1h&min_level=info")
    dialog = open_trace(page, f"step {MOST}")
    expect(dialog.get_by_role("status")).to_contain_text("The first 1,000 records, oldest first. There are more")
    expect(dialog.locator("li")).to_have_count(MOST)
    expect(dialog.locator("li").last).to_contain_text(f"step {MOST - 1}")
    dialog.get_by_role("button", name="Show in list").click()
    expect(dialog).to_have_count(0)
    expect(page.record(f"step {MOST}")).to_have_count(1)
    query = parse_qs(urlsplit(page.page.url).query)
    assert set(query) == {"attr.trace_id", "start", "end"}
    assert query["attr.trace_id"] == [trace_id]
    assert len(page.walk()) == MOST + 1


def test_a_trace_is_linked_to_the_tracing_ui(
    stack: Stack, open_page: OpenPage, service: Service, start: datetime, trace_id: str
) -> None:
    # Some senders write ids in upper case; tracing UIs do not.
    service.log_at("linked", start, attributes={"trace_id": trace_id.upper()})
    service.log_at("alone", start)
    wait_stored(stack, trace_id.upper(), 1)
    with stack.environment(PAGE, {"LOGSTREAM_PAGE_TRACE_URL": UI}):
        page = open_page(query=f"?q={service.word}&start=-1h")
        row = page.open_record("linked")
        link = row.get_by_role("link", name="Open in tracing UI")
        expect(link).to_have_attribute("href", UI.format(trace_id=trace_id))
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        expect(page.open_record("alone").get_by_role("link")).to_have_count(0)
        headers: list[dict[str, str]] = []

        def show(route: Route) -> None:
            headers.append(route.request.headers)
            route.fulfill(content_type="text/html", body=f"<title>{trace_id}</title>")

        page.page.context.route("https://traces.example/**", show)
        with page.page.context.expect_page() as opened:
            link.click()
        expect(opened.value).to_have_title(trace_id)
        assert opened.value.evaluate("window.opener") is None
        assert "referer" not in headers[0]
        row.get_by_role("button", name="Whole trace").click()
        dialog = page.page.get_by_role("dialog", name="Trace")
        expect(dialog.get_by_role("status")).to_have_text("1 record")
        expect(dialog.get_by_role("link", name="Open in tracing UI")).to_have_attribute("href", UI.format(trace_id=trace_id))
