"""Everything without a mouse."""

from harness.stack import Stack
from playwright.sync_api import expect

from .conftest import OpenPage
from .service import Service

# What is heard of the element that has the focus.
NAME_OF_FOCUS = """() => {
    const focused = document.activeElement;
    const label = focused.labels?.[0]?.firstChild?.textContent;
    const heard = focused.cloneNode(true);
    heard.querySelectorAll('[aria-hidden=true]').forEach(hidden => hidden.remove());
    return (focused.getAttribute('aria-label') ?? label ?? heard.textContent).trim().slice(0, 40);
}"""


def test_a_reader_gets_along_with_keys_alone(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    press = page.page.keyboard.press
    for number in range(5):
        service.log(f"line {number}", level="error" if number == 2 else "info")
        expect(page.record(f"{service.word} line {number}")).to_have_count(1)

    press("/")
    expect(page.page.get_by_role("searchbox", name="Text")).to_be_focused()
    page.page.keyboard.type(service.word)
    expect(page.records).to_have_count(5)
    # Letters are text in a field; Tab leads out of it.
    press("Tab")
    press("j")
    expect(page.record("line 4").locator(".line")).to_be_focused()
    press("ArrowDown")
    press("j")
    line = page.record("line 2").locator(".line")
    expect(line).to_be_focused()
    expect(page.button("Pause").first).to_have_attribute("aria-pressed", "true")
    press("Enter")
    expect(line).to_have_attribute("aria-expanded", "true")
    press("Escape")
    expect(line).to_have_attribute("aria-expanded", "false")
    press("Enter")
    press("Tab")
    assert page.page.evaluate(NAME_OF_FOCUS) == "Only records with Level=error"
    press("Enter")
    expect(page.records).to_have_count(1)
    page.page.go_back()
    expect(page.records).to_have_count(5)

    press("g")
    expect(page.button("Pause").first).to_have_attribute("aria-pressed", "false")
    press("p")
    expect(page.button("Pause").first).to_have_attribute("aria-pressed", "true")
    press("p")
    press("j")
    press("k")
    press("x")
    expect(page.page.get_by_role("dialog")).to_contain_text("line 4")
    press("Escape")
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    press("?")
    sheet = page.page.get_by_role("dialog", name="Keyboard")
    expect(sheet).to_contain_text("Copy a link to the record")
    # A dialog keeps the keys to itself.
    press("e")
    expect(page.page.get_by_role("dialog")).to_have_count(1)
    press("Escape")
    press("e")
    expect(page.page.get_by_role("dialog", name="Export")).to_be_visible()


def test_everything_is_reached_by_tab_in_the_order_of_the_screen(
    stack: Stack, open_page: OpenPage, service: Service
) -> None:
    service.log("one", level="error")
    page = open_page(query=f"?q={service.word}")
    expect(page.record(service.word)).to_have_count(1)
    wanted = [
        "Views", "Export", "Theme", "Language", "Time zone", "Keyboard shortcuts",
        "error", "warn", "info", "http", "debug", "Nodes", "Text", "Live, all time", "Clear filters",
        "Hide metrics", "Now", "Range", "Pause",
    ]  # fmt: skip
    reached: list[str] = []
    for _ in range(len(wanted)):
        page.page.keyboard.press("Tab")
        reached.append(page.page.evaluate(NAME_OF_FOCUS))
    assert reached == wanted
    page.page.keyboard.press("Tab")
    expect(page.scroller).to_be_focused()


def test_a_record_that_scrolls_away_gives_the_focus_to_the_list(stack: Stack, open_page: OpenPage, service: Service) -> None:
    service.log(*(f"line {number:03}" for number in range(150)))
    page = open_page(query=f"?q={service.word}")
    expect(page.record("line 149")).to_have_count(1)
    page.page.keyboard.press("j")
    expect(page.record("line 149").locator(".line")).to_be_focused()
    page.page.mouse.move(600, 600)
    page.page.mouse.wheel(0, 3000)
    expect(page.record("line 149")).to_have_count(0)
    expect(page.scroller).to_be_focused()
    # And back to it.
    page.page.keyboard.press("j")
    expect(page.record("line 148").locator(".line")).to_be_focused()
