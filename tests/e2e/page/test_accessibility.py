"""axe finds nothing to complain about, whatever the page shows: in both languages, in the dark and in the light, as narrow
as a phone and as wide as a desk."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from harness.stack import Stack
from harness.wire import ROOT
from playwright.sync_api import Browser, Page, Route, expect

from .log_page import LogPage
from .service import Service

AXE = Path(ROOT) / "services/dashboard/node_modules/axe-core/axe.min.js"
# What was found, and where first.
RUN = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations.map(({ id, nodes }) =>
  `${id}: ${nodes.length}, first ${nodes[0].html.slice(0, 300)}: ${nodes[0].failureSummary}`)"""


@dataclass(frozen=True)
class Look:
    """How a reader has the page, and the texts they find things by."""

    name: str
    scheme: Literal["dark", "light"]
    locale: str
    width_px: int

    @property
    def texts(self) -> dict[str, str]:
        return TEXTS[self.locale]


TEXTS = {
    "en-US": {
        "context": "Context",
        "trace": "Whole trace",
        "help": "Keyboard",
        "nodes": "Nodes",
        "views": "Views",
        "export": "Export",
        "first": "No logs yet",
    },
    "ko-KR": {
        "context": "전후 보기",
        "trace": "전체 트레이스",
        "help": "키보드",
        "nodes": "노드",
        "views": "보기",
        "export": "내보내기",
        "first": "아직 로그가 없습니다",
    },
}
LOOKS = (
    Look("light, English, desk", "light", "en-US", 1280),
    Look("dark, Korean, desk", "dark", "ko-KR", 1280),
    Look("light, Korean, phone", "light", "ko-KR", 360),
    Look("dark, English, phone", "dark", "en-US", 360),
)

OpenLook = Callable[..., LogPage]


@pytest.fixture(params=LOOKS, ids=lambda look: look.name)
def look(request: pytest.FixtureRequest) -> Look:
    found: Look = request.param
    return found


@pytest.fixture
def open_look(browser: Browser, look: Look) -> Iterator[OpenLook]:
    """Opens an address as the look has it. Without the policy, which would not let axe in; other tests are for that."""
    context = browser.new_context(
        color_scheme=look.scheme,
        locale=look.locale,
        viewport={"width": look.width_px, "height": 800},
        bypass_csp=True,
        reduced_motion="reduce",
    )

    def open_one(url: str, prepare: Callable[[Page], None] = lambda _: None) -> LogPage:
        log_page = LogPage(context.new_page())
        prepare(log_page.page)
        log_page.page.goto(url)
        expect(log_page.page.locator("html")).to_have_attribute("lang", look.locale[:2])
        log_page.page.evaluate(AXE.read_text(encoding="utf-8"))
        return log_page

    yield open_one
    context.close()


class Findings:
    """What axe found in each state, judged together at the end."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def look(self, state: str, page: Page) -> None:
        found: list[str] = page.evaluate(RUN)
        self._found[state] = found

    def judge(self, *states: str) -> None:
        assert list(self._found) == list(states)
        problems = [f"{state}: {problem}" for state, found in self._found.items() for problem in found]
        assert not problems, "\n".join(problems)


@pytest.fixture
def findings() -> Findings:
    return Findings()


def log_some(service: Service) -> None:
    trace_id = secrets.token_hex(16)
    service.log_records(
        [
            (
                level,
                f"GET /api/orders/{number} 200 in {number} ms",
                {"region": "eu-central", "user": str(number), "trace_id": trace_id},
            )
            for number, level in enumerate(("error", "warn", "info", "http", "debug", "audit", "fatal", "trace") * 3)
        ]
    )
    service.log('{"order": 4711, "paid": true}', "\x1b[31mred\x1b[0m \x1b[1;44mon blue\x1b[0m \u202eturned", level="error")


def test_live_list_and_what_opens_in_it(
    stack: Stack, look: Look, open_look: OpenLook, service: Service, findings: Findings
) -> None:
    log_some(service)
    page = open_look(f"{stack.page_url}/?q={service.word}")
    expect(page.page.locator(".connection[data-connection=live]")).to_be_visible()
    rows = page.page.locator("[data-sequence]")
    expect(rows.first).to_be_visible()
    findings.look("live", page.page)

    for row in (0, 1):
        rows.nth(row).locator("[aria-expanded]").first.click()
    expect(page.button(look.texts["context"]).first).to_be_visible()
    findings.look("expanded", page.page)

    page.button(look.texts["context"]).first.click()
    dialog = page.page.get_by_role("dialog")
    expect(dialog.locator("[data-sequence]").first).to_be_visible()
    findings.look("context", page.page)
    page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    rows.filter(has_text="/api/orders/").first.locator("[aria-expanded]").first.click()
    page.button(look.texts["trace"]).first.click()
    expect(dialog.locator("[data-sequence]")).to_have_count(24)
    findings.look("trace", page.page)
    findings.judge("live", "expanded", "context", "trace")


def test_what_opens_above_the_list(
    stack: Stack, look: Look, open_look: OpenLook, service: Service, findings: Findings
) -> None:
    log_some(service)
    page = open_look(f"{stack.page_url}/?q={service.word}&level=error,warn&attr.region=eu-central&node=page-*")
    expect(page.page.locator("[data-sequence]").first).to_be_visible()
    openers = {
        "nodes": page.page.locator(".filter").get_by_role("button", name=look.texts["nodes"]),
        "range": page.page.locator(".range > button"),
        "views": page.page.get_by_role("button", name=look.texts["views"]).first,
    }
    for name, button in openers.items():
        button.click()
        expect(button).to_have_attribute("aria-expanded", "true")
        expect(page.page.locator("[popover]:popover-open")).to_be_visible()
        findings.look(name, page.page)
        page.page.keyboard.press("Escape")
        expect(button).to_have_attribute("aria-expanded", "false")
    dialogs = ("help", "export")
    for name in dialogs:
        page.button(look.texts[name]).first.click()
        expect(page.page.get_by_role("dialog")).to_be_visible()
        findings.look(name, page.page)
        page.page.keyboard.press("Escape")
        expect(page.page.get_by_role("dialog")).to_have_count(0)
    findings.judge(*openers, *dialogs)


def test_first_start(stack: Stack, look: Look, open_look: OpenLook, findings: Findings) -> None:
    def nothing_stored(page: Page) -> None:
        stream(page, "")
        page.route("**/api/logs*", lambda route: route.fulfill(json={"records": [], "next_cursor": None, "found": 0}))

    page = open_look(stack.page_url, nothing_stored)
    expect(page.page.get_by_role("heading", name=look.texts["first"])).to_be_visible()
    findings.look("first start", page.page)
    findings.judge("first start")


def test_error(stack: Stack, look: Look, open_look: OpenLook, findings: Findings) -> None:
    problem = {"title": "Query service unreachable", "status": 502, "detail": "Try again in a moment."}

    def refuse(route: Route) -> None:
        route.fulfill(status=502, content_type="application/problem+json", json=problem)

    page = open_look(f"{stack.page_url}/?start=-1h&end=-1m", lambda page: page.route("**/api/logs?*", refuse))
    expect(page.page.get_by_role("alert").filter(has_text="Query service unreachable")).to_be_visible()
    findings.look("error", page.page)
    findings.judge("error")


def test_lost_with_a_gap(stack: Stack, look: Look, open_look: OpenLook, findings: Findings) -> None:
    moment = "2026-01-05T10:00:00.000000Z"
    record = {"sequence": "65536", "time": moment, "severity": 9, "level": "info", "node": "api-1", "message": "a record"}
    gap = {"from": moment, "to": moment, "reason": "past the window", "received_from": moment, "received_to": moment}
    body = (
        "retry: 3600000\n\n"
        f"event: logs\ndata: {json.dumps([record | {'attributes': {}}])}\n\n"
        f"event: gap\ndata: {json.dumps(gap)}\n\n"
    )
    page = open_look(stack.page_url, lambda page: stream(page, body))
    expect(page.page.locator("[data-notice=gap]")).to_be_visible()
    expect(page.page.locator(".connection[data-connection=lost]")).to_be_visible()
    findings.look("lost with a gap", page.page)
    findings.judge("lost with a gap")


def stream(page: Page, body: str) -> None:
    """Lets /stream answer this, once. Only the page's own requests can be answered here, not those of a shared worker."""
    page.add_init_script("delete window.SharedWorker")
    head = "retry: 3600000\n\n"
    page.route("**/stream*", lambda route: route.fulfill(content_type="text/event-stream", body=head + body))
