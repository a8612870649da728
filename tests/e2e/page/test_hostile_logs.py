"""A log is text, whatever it holds and wherever it is shown: nothing of it runs, loads or leads away, and the policy has
nothing to refuse."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlencode

import pytest
from harness.history import walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Browser, BrowserContext, Locator, Request, expect

from .hostile_texts import HOSTILE, VERY_LONG
from .log_page import LogPage
from .service import Service

# All texts are on the screen at once.
TALL = {"width": 1600, "height": 3_000}
NAMES_KEPT = 50
# Records of the context on each side. Twice that and the record itself, from both ends, is more than half of them.
AROUND = 20

# The first script of a window: what the texts call, and what the policy refuses.
TRAPS = """
window.trapped = [];
window.pwn = () => window.trapped.push("executed");
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
  window.trapped.push(`refused: ${violatedDirective} ${blockedURI} ${sample}`));
"""
# Elements the page has no use for, and all that runs or leads away.
STRANGE = """() => [...document.querySelectorAll("*")].filter((element) =>
  element.matches("script:not([src]), iframe, object, embed, base, meta[http-equiv], video, audio, source, img, math,"
    + "marquee, style, template, foreignObject, animate, xmp, [action], body link, body script, [data-sequence] a") ||
  [...element.attributes].some(({ name }) => name.startsWith("on")) ||
  (element.matches("a[href]") && new URL(element.href).origin !== location.origin)
).map((element) => element.outerHTML.slice(0, 200))"""


class Window(NamedTuple):
    log_page: LogPage
    strangers: list[str]

    def check(self) -> None:
        assert self.log_page.page.evaluate(STRANGE) == []
        assert self.log_page.page.evaluate("window.trapped") == []
        assert self.log_page.problems == []
        assert self.strangers == []


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=TALL, locale="en-US")  # type: ignore[arg-type]
    context.add_init_script(TRAPS)
    yield context
    context.close()


@pytest.fixture
def window(stack: Stack, context: BrowserContext) -> Window:
    """A window in which every request and every window that is not the page's own is written down."""
    log_page = LogPage(context.new_page())
    strangers: list[str] = []

    def on_request(request: Request) -> None:
        if not request.url.startswith(f"{stack.page_url}/"):
            strangers.append(f"request: {request.url}")

    context.on("request", on_request)
    context.on("page", lambda page: strangers.append(f"window: {page.url}"))
    return Window(log_page, strangers)


@pytest.fixture(scope="module")
def stored(stack: Stack) -> Iterator[Service]:
    """A service that has logged every text as message, node, level, attribute key and attribute value; history has them."""
    service = Service(stack.gateway)
    log_all(service)
    wait_for(
        "the texts in history",
        lambda: walk(stack.page_url, {"q": service.word}),
        lambda found: len(found) == len(HOSTILE) + 1,
    )
    yield service
    service.close()


def log_all(service: Service) -> None:
    for number, text in enumerate(HOSTILE):
        service.log(f"{mark(number)} {text}", level=text, node=text, attributes={text: text})
    service.log(f"{mark(len(HOSTILE))} {VERY_LONG}", attributes={"long": VERY_LONG})


def mark(number: int) -> str:
    return f"text-{number:03d}"


def is_plain(text: str) -> bool:
    """Whether it is shown as it is: other characters are shown as signs or styles."""
    return text.isprintable()


def address(stack: Stack, **parameters: str) -> str:
    return f"{stack.page_url}/?{urlencode(parameters)}"


def past(stack: Stack, service: Service, **more: str) -> str:
    """A view of what is stored, which no stream has a part in."""
    end = datetime.now(UTC) + timedelta(minutes=1)
    return address(stack, q=service.word, start="-1h", end=end.isoformat().replace("+00:00", "Z"), **more)


def expect_all(rows: Locator) -> None:
    """Every text in its row, in all its places."""
    expect(rows).to_have_count(len(HOSTILE) + 1)
    shown = {text.partition("text-")[2][:3]: text for text in rows.all_inner_texts()}
    for number, text in enumerate(HOSTILE):
        if is_plain(text):
            assert shown[f"{number:03d}"].count(text) == 5, "as level, node, message, key and value"


def test_live_rows(stack: Stack, window: Window, service: Service) -> None:
    page = window.log_page
    page.page.goto(address(stack, q=service.word))
    page.wait_live()
    log_all(service)
    expect_all(page.records)
    window.check()


def test_rows_from_history(stack: Stack, window: Window, stored: Service) -> None:
    page = window.log_page
    page.page.goto(past(stack, stored))
    expect_all(page.records)
    window.check()


def test_expanded(stack: Stack, window: Window, stored: Service) -> None:
    page = window.log_page
    page.page.goto(past(stack, stored))
    for number, text in [*enumerate(HOSTILE), (len(HOSTILE), VERY_LONG)]:
        row = page.record(mark(number))
        line = row.locator("[aria-expanded]").first
        line.click()
        expect(line).to_have_attribute("aria-expanded", "true")
        details = row.get_by_role("region", name="Record")
        if number == len(HOSTILE):
            expect(details).to_contain_text(text[-100:])
        elif is_plain(text):
            # JSON in a message is laid out.
            assert details.inner_text().count(text) >= (4 if text.startswith("{") else 5), "level, node, message, key, value"
        assert page.page.evaluate(STRANGE) == []
        line.click()
    window.check()


@pytest.mark.parametrize("number", [AROUND, len(HOSTILE) - AROUND])
def test_context(stack: Stack, window: Window, stored: Service, number: int) -> None:
    page = window.log_page
    [record] = walk(stack.page_url, {"q": f"{stored.word} {mark(number)}"})
    page.page.goto(past(stack, stored, record=record["sequence"]))
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_role("button", name="All nodes").click()
    found = dialog.locator("[data-sequence]").filter(has_text=stored.word)
    expect(found).to_have_count(2 * AROUND + 1)
    for row in found.all()[::8]:
        row.locator("[aria-expanded]").first.click()
    window.check()


def test_node_picker_and_level_chips(stack: Stack, window: Window, stored: Service) -> None:
    page = window.log_page
    page.page.goto(past(stack, stored))
    levels = page.page.get_by_role("group", name="Levels").get_by_role("button")
    # As many as are offered, all of them of this service.
    expect(levels.filter(has_text="pwn()").nth(5)).to_be_visible()
    page.button("Nodes").click()
    expect(page.page.get_by_role("checkbox").nth(len(HOSTILE) // 2)).to_be_visible()
    for text in HOSTILE[::6]:
        page.page.get_by_role("textbox", name="Find").fill(text)
        assert page.page.evaluate(STRANGE) == []
    page.page.keyboard.press("Escape")
    level = levels.filter(has_text="<img").first
    level.click()
    expect(level).to_have_attribute("aria-pressed", "true")
    expect(page.records.nth(5)).to_have_count(0)
    expect(page.records.first.locator(".level")).to_contain_text("<img")
    window.check()


def test_text_filter(stack: Stack, window: Window, stored: Service) -> None:
    page = window.log_page
    page.page.goto(past(stack, stored))
    expect(page.records).to_have_count(len(HOSTILE) + 1)
    field = page.page.get_by_role("searchbox", name="Text")
    for text in HOSTILE:
        # A hint shows what is understood, as it is typed.
        field.fill(text)
        assert page.page.evaluate(STRANGE) == []
    field.fill(HOSTILE[0])
    expect(page.record(stored.word).first).to_contain_text(HOSTILE[0])
    window.check()


def test_names_of_views(stack: Stack, window: Window, stored: Service) -> None:
    page = window.log_page
    page.page.goto(past(stack, stored))
    page.button("Views").click()
    name = page.page.get_by_role("textbox", name="Name of this view")
    for text in HOSTILE[:NAMES_KEPT]:
        name.fill(text)
        name.press("Enter")
        expect(name).to_have_value("")
    page.page.reload()
    page.button("Views").click()
    expect(page.page.get_by_role("button", name=HOSTILE[0], exact=True)).to_be_visible()
    window.check()


def test_parameters_of_the_address(stack: Stack, window: Window) -> None:
    page = window.log_page
    for text in HOSTILE:
        values = {"q": text, "level": text, "node": text, "min_level": text, f"attr.{text}": text, f"-attr.{text}": text}
        page.page.goto(f"{stack.page_url}/?{urlencode(values)}#{quote(text)}")
        expect(page.page.get_by_role("searchbox", name="Text")).to_be_visible()
        assert page.page.evaluate(STRANGE) == []
        assert page.page.evaluate("window.trapped") == []
    for name in ("record", "start", "end"):
        page.page.goto(address(stack, **{name: HOSTILE[0]}))
        expect(page.page.get_by_role("searchbox", name="Text")).to_be_attached()
        time.sleep(0.2)
        assert page.page.evaluate("window.trapped") == []
    window.check()
