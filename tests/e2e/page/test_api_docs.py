"""The page about the API: readable, usable and harmless in a browser, with nothing from other hosts."""

import re

import pytest
from harness.history import get, walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Locator, Request, Response, expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

HOSTILE = '<img src=x onerror="window.hacked = 2"> \' & </pre><script>window.hacked = 2</script>'


@pytest.fixture
def docs(stack: Stack, open_page: OpenPage) -> LogPage:
    return open_page(url=f"{stack.page_url}/api/docs", wait=False)


def form(docs: LogPage, path: str) -> Locator:
    return docs.page.get_by_role("form", name=f"Try {path}", exact=True)


def test_it_shows_every_route_and_asks_only_its_own_origin(stack: Stack, docs: LogPage) -> None:
    requested: list[Request] = []
    answered: list[Response] = []
    docs.page.on("request", lambda request: requested.append(request))
    docs.page.on("response", lambda answer: answered.append(answer))
    docs.page.reload(wait_until="load")
    for path in get(f"{stack.page_url}/api/openapi.json").json()["paths"]:
        expect(docs.page.get_by_role("heading", name=f"GET {path}", exact=True)).to_be_visible()
    assert {request.url.startswith(stack.page_url) for request in requested} == {True}
    assert [answer.status for answer in answered if answer.status >= 400] == []
    assert len(answered) >= 3, "the page, its style and its script"
    # The style has come through the policy.
    assert docs.page.locator("table").first.evaluate("table => getComputedStyle(table).borderCollapse") == "collapse"


def test_a_request_is_sent_and_its_answer_shown_as_text(stack: Stack, docs: LogPage, service: Service) -> None:
    message = f"{service.word} {HOSTILE}"
    service.log(HOSTILE)
    wait_for("the record in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == 1)
    tried = form(docs, "/api/logs")
    tried.get_by_label("q", exact=True).fill(service.word)
    tried.get_by_label("order", exact=True).select_option("asc")
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_role("status")).to_contain_text("200")
    expect(tried.get_by_label("Response")).to_contain_text(message.replace('"', '\\"'))
    expect(tried.get_by_label("Request")).to_have_text(f"curl '{stack.page_url}/api/logs?q={service.word}&order=asc'")
    assert docs.page.evaluate("window.hacked") is None


def test_a_refused_request_says_why(docs: LogPage) -> None:
    tried = form(docs, "/api/logs")
    tried.get_by_label("limit", exact=True).fill("0")
    # Enter in a field does the same as the button.
    tried.get_by_label("limit", exact=True).press("Enter")
    expect(tried.get_by_role("status")).to_contain_text("400")
    expect(tried.get_by_label("Response")).to_contain_text("a whole number from 1 to 5000")


def test_a_long_answer_is_cut(docs: LogPage, stack: Stack, service: Service) -> None:
    service.log(*("x" * 50_000 for _ in range(4)))
    wait_for("the records in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == 4)
    tried = form(docs, "/api/logs")
    tried.get_by_label("q", exact=True).fill(service.word)
    tried.get_by_role("button", name="Send").click()
    expect(tried.get_by_label("Response")).to_contain_text("… truncated")


@pytest.mark.parametrize(("scheme", "dark"), [("dark", True), ("light", False)])
def test_it_follows_the_system_theme(stack: Stack, open_page: OpenPage, scheme: str, dark: bool) -> None:
    docs = open_page(url=f"{stack.page_url}/api/docs", wait=False, scheme=scheme)
    ground = docs.page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(channel) for channel in re.findall(r"\d+", ground)]
    assert (sum(channels[:3]) < 3 * 64) is dark
