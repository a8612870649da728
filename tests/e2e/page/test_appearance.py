"""The page for people: dark and light, small screens, the keyboard; and for attackers: a log is text, whatever it holds."""

import pytest
from harness.stack import Stack
from playwright.sync_api import expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 1; alert('x')\">",
    "<svg/onload=alert(1)>",
    "<style>*{display:none}</style>",
    "<a href='javascript:alert(1)'>click</a>",
    "&lt;b&gt; is not <b>bold</b>",
    "{{7*7}} ${7*7} <!-- --> ]]>",
)

# A label's own words, without the options of the control in it.
NAME_OF_FOCUS = """() => {
    const focused = document.activeElement;
    return (focused.labels?.[0]?.firstChild ?? focused).textContent.trim().slice(0, 40);
}"""


def brightness(page: LogPage) -> int:
    """Of the page's ground, 0 (black) to 255 (white)."""
    color: str = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(channel) for channel in color.removeprefix("rgb(").removesuffix(")").split(",")]
    return sum(channels) // 3


def test_dark_and_light_follow_the_system_then_the_choice(open_page: OpenPage) -> None:
    page = open_page(scheme="dark")
    theme = page.page.get_by_role("combobox", name="Theme")
    assert brightness(page) < 64
    theme.select_option("Light")
    assert brightness(page) > 192
    page.page.reload()
    page.wait_live()
    expect(theme).to_have_value("light")
    assert brightness(page) > 192
    theme.select_option("Dark")
    page.page.emulate_media(color_scheme="light")
    assert brightness(page) < 64
    theme.select_option("System")
    assert brightness(page) > 192


def test_a_log_stays_text(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    page.filter_text(service.word)
    for text in HOSTILE:
        service.log(text, level=text, node=text, attributes={text: text})
        row = page.record(text)
        expect(row).to_have_count(1)
        assert row.inner_text().count(text) == 5, "as level, node, message, key and value"
        assert row.locator("script, img, svg, style, a, b").count() == 0
    assert page.page.evaluate("window.hacked") is None
    assert page.problems == []


def test_hidden_characters_show(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("\x1b[31mred \u202etfel-ot-thgir\u202c zero\u200bwidth")
    expect(page.record(service.word)).to_contain_text("ESC[31mred U+202Etfel-ot-thgirU+202C zeroU+200Bwidth")


def test_a_long_message_is_cut_until_asked_for(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("x" * 5000 + " the end")
    row = page.record(service.word)
    expect(row).to_have_count(1)
    expect(row).not_to_contain_text("the end")
    row.get_by_role("button", name="Show all").click()
    expect(row).to_contain_text("the end")


@pytest.mark.parametrize("width_px", [360, 1280, 2560])
def test_nothing_sticks_out(open_page: OpenPage, service: Service, width_px: int) -> None:
    page = open_page(width_px=width_px)
    service.log("long" * 400, node="n" * 255, level="l" * 60, attributes={"key" * 40: "value" * 40})
    row = page.record(service.word)
    expect(row).to_have_count(1)
    for measured in ("document.documentElement", "document.querySelector('.scroller')"):
        assert page.page.evaluate(f"{measured}.scrollWidth - {measured}.clientWidth") == 0
    expect(page.page.get_by_role("searchbox", name="Text")).to_be_in_viewport(ratio=1)


def test_everything_is_reached_by_keyboard(stack: Stack, open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("one", level="error")
    expect(page.record(service.word)).to_have_count(1)
    wanted = ["Theme", "error", "warn", "info", "http", "debug", "Text", "Pause", "Load older"]
    reached: list[str] = []
    for _ in range(40):
        page.page.keyboard.press("Tab")
        name: str = page.page.evaluate(NAME_OF_FOCUS)
        reached.append(name)
        if name == "error":
            page.page.keyboard.press("Space")
            expect(page.level("error")).to_have_attribute("aria-pressed", "true")
            page.page.keyboard.press("Space")
    assert [name for name in wanted if name not in reached] == []
