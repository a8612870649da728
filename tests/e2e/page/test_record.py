"""A record opens into all that was logged, and what is in it becomes filters, copies and links."""

import json

import pytest
from harness.history import get, walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Locator, expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

MESSAGE = 'order placed {"total": 12345678901234567890, "items": [1, 2]}'
ATTRIBUTES = {"trace": "4bf9", "region": "eu", "a&b=c": "d,e"}


@pytest.fixture
def page(open_page: OpenPage, service: Service) -> LogPage:
    """A page with a record of each kind."""
    page = open_page(query=f"?q={service.word}")
    service.log_records([("error", MESSAGE, ATTRIBUTES), ("info", "other region", {"region": "us"}), ("info", "none", {})])
    expect(page.records).to_have_count(3)
    return page


def attribute(row: Locator, key: str) -> Locator:
    return row.get_by_role("table", name="Attributes").get_by_role("row").filter(has_text=key)


def test_it_opens_into_everything(page: LogPage, service: Service) -> None:
    row = page.open_record("order placed")
    details = row.get_by_role("region", name="Record")
    for text in (service.node, "error", str(row.get_attribute("data-sequence")), *ATTRIBUTES, *ATTRIBUTES.values()):
        expect(details).to_contain_text(text)
    # Laid out, with each number as it was logged.
    expect(details.locator("pre")).to_have_text(
        f'{service.word} order placed\n{{\n  "total": 12345678901234567890,\n  "items": [\n    1,\n    2\n  ]\n}}'
    )
    details.get_by_role("button", name="Format JSON").click()
    expect(details.locator("pre")).to_have_text(f"{service.word} {MESSAGE}")
    # Who reads is not disturbed.
    expect(page.button("Pause").first).to_have_attribute("aria-pressed", "true")
    row.locator(".line").click()
    expect(details).to_have_count(0)


@pytest.mark.parametrize(
    ("key", "button", "parameter", "left"),
    [
        ("region", "Only", "attr.region=eu", ["order placed"]),
        ("region", "Exclude", "-attr.region=eu", ["none", "other region"]),
        ("a&b=c", "Only", "attr.a%26b%3Dc=d%2Ce", ["order placed"]),
    ],
)
def test_an_attribute_becomes_a_filter(page: LogPage, key: str, button: str, parameter: str, left: list[str]) -> None:
    row = page.open_record("order placed")
    attribute(row, key).get_by_role("button").filter(has_text=button).click()
    expect(page.records).to_have_count(len(left))
    for text in left:
        expect(page.record(text)).to_have_count(1)
    assert parameter in page.page.url
    page.page.get_by_role("group", name="Attributes").get_by_role("button").click()
    expect(page.records).to_have_count(3)
    assert parameter not in page.page.url


def test_level_and_node_become_filters(page: LogPage, service: Service) -> None:
    row = page.open_record("order placed")
    row.get_by_role("button", name="Only records with Level=error").click()
    expect(page.records).to_have_count(1)
    expect(page.level("error")).to_have_attribute("aria-pressed", "true")
    row = page.records.first
    row.get_by_role("button", name=f"Only records with Node={service.node}").click()
    expect(page.button("Nodes: 1")).to_be_visible()
    assert f"node={service.node}" in page.page.url


def test_it_is_copied_as_text_as_json_and_as_a_link(stack: Stack, page: LogPage, service: Service) -> None:
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    row = page.open_record("order placed")

    def copied(button: str) -> str:
        row.get_by_role("button", name=button).click()
        expect(row.get_by_role("status")).to_have_text("Copied")
        text: str = page.page.evaluate("navigator.clipboard.readText()")
        return text

    (stored,) = [record for record in walk(stack.page_url, {"q": service.word}) if MESSAGE in record["message"]]
    line = copied("Copy text")
    assert line.startswith(f"{stored['time']} error {service.node} {service.word} {MESSAGE} ")
    assert "trace=4bf9" in line
    assert json.loads(copied("Copy JSON")) == stored
    link = copied("Copy link")
    page.page.goto(link)
    dialog = page.page.get_by_role("dialog", name=f"Context of record {stored['sequence']}")
    expect(dialog.locator(f'[data-sequence="{stored["sequence"]}"]')).to_be_visible()


def test_without_a_clipboard_it_is_copied_the_old_way(open_page: OpenPage, service: Service) -> None:
    """A page over plain http from another machine has no clipboard of its own."""
    hidden = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
    page = open_page(query=f"?q={service.word}", prepare=lambda page: page.add_init_script(hidden))
    service.log("to be copied")
    page.page.evaluate("document.addEventListener('copy', () => { window.copied = document.activeElement.value })")
    row = page.open_record("to be copied")
    row.get_by_role("button", name="Copy text").click()
    expect(row.get_by_role("status")).to_have_text("Copied")
    assert f"{service.word} to be copied" in page.page.evaluate("window.copied")


def test_its_surroundings_are_those_of_its_node_or_of_all(stack: Stack, open_page: OpenPage, service: Service) -> None:
    service.log(*(f"line {number}" for number in range(60)))
    service.log("elsewhere", node=f"other-{service.word}")
    stored = wait_for("them in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == 61)
    middle = next(record for record in stored if record["message"].endswith("line 30"))
    # A filter of the page is none of the surroundings.
    page = open_page(query=f"?q={service.word}+%22line+30%22")
    page.open_record("line 30").get_by_role("button", name="Context").click()
    dialog = page.page.get_by_role("dialog")
    shown = dialog.locator("[data-sequence]")
    around = get(f"{stack.page_url}/api/logs/{middle['sequence']}/context", {"before": 20, "after": 20}).json()
    wanted = [*reversed(around["after"]), around["record"], *reversed(around["before"])]
    expect(shown).to_have_count(41)
    assert shown.evaluate_all("rows => rows.map(row => row.dataset.sequence)") == [one["sequence"] for one in wanted]
    expect(dialog.locator("[aria-current=true]")).to_contain_text("line 30")
    expect(dialog.locator("[aria-current=true]")).to_be_in_viewport()
    assert f"record={middle['sequence']}" in page.page.url

    dialog.get_by_role("button", name="Load older").click()
    expect(dialog.get_by_text("No older records from this node.")).to_be_visible()
    dialog.get_by_role("button", name="Load newer").click()
    expect(shown).to_have_count(60)
    dialog.get_by_role("button", name="All nodes").click()
    dialog.get_by_role("button", name="Load newer").click()
    expect(dialog.get_by_text("elsewhere")).to_be_visible()
    page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert "record=" not in page.page.url


def test_a_link_to_a_record_that_is_not_stored_says_so(open_page: OpenPage) -> None:
    page = open_page(query="?record=4611686018427387904")
    expect(page.page.get_by_role("dialog")).to_contain_text("Record not found. It may have been deleted.")
