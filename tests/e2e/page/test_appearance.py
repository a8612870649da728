"""The page for people: dark and light, small screens, the keyboard; and for attackers: a log is text, whatever it holds."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service


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


def test_hidden_characters_show(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("\x1b[2J\u202etfel-ot-thgir\u202c zero\u200bwidth")
    expect(page.record(service.word)).to_contain_text("ESC[2JU+202Etfel-ot-thgirU+202C zeroU+200Bwidth")


def test_terminal_colours_are_styles(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("\x1b[31mred\x1b[0m plain")
    row = page.record(f"{service.word} red plain")
    expect(row).to_have_count(1)
    colors = row.locator(".message").evaluate(
        "message => [...message.querySelectorAll('.ansi'), message].map(part => getComputedStyle(part).color)"
    )
    assert len(set(colors)) == 2


def test_a_long_message_is_a_line_until_it_is_opened(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    service.log("x" * 5000 + "\nthe end")
    row = page.record(service.word)
    expect(row).to_have_count(1)
    expect(row).not_to_contain_text("the end")
    height = row.bounding_box()
    assert height
    assert height["height"] == 24
    page.open_record(service.word)
    expect(row.get_by_text("the end")).to_be_visible()


@pytest.mark.parametrize("width_px", [360, 768, 1280, 2560, 3840])
def test_nothing_sticks_out(open_page: OpenPage, service: Service, width_px: int) -> None:
    page = open_page(width_px=width_px)
    service.log("long" * 400, node="n" * 255, level="l" * 60, attributes={"key" * 40: "value" * 40})
    page.open_record(service.word)
    for measured in ("document.documentElement", "document.querySelector('.scroller')"):
        assert page.page.evaluate(f"{measured}.scrollWidth - {measured}.clientWidth") == 0
    expect(page.page.get_by_role("searchbox", name="Text")).to_be_in_viewport(ratio=1)


def test_both_languages(open_page: OpenPage, service: Service) -> None:
    page = open_page()
    page.page.get_by_role("combobox", name="Language").select_option("한국어")
    assert page.page.evaluate("document.documentElement.lang") == "ko"
    expect(page.connection).to_have_text("실시간")
    service.log("in any language")
    rows = page.page.get_by_role("region", name="로그 레코드").locator("[data-sequence]")
    expect(rows.filter(has_text=service.word)).to_have_count(1)
    page.page.reload()
    page.page.get_by_role("button", name="일시정지").click()
    expect(page.page.get_by_role("button", name="재개 (새 레코드 0개)")).to_be_visible()
    # What is left in English is what is not the page's: names, and each language's own.
    texts: list[str] = page.page.evaluate(OWN_TEXTS)
    assert [text for text in texts if re.search("[A-Za-z]{2,}", text) and not FOREIGN.search(text)] == []
    page.page.get_by_role("combobox", name="언어").select_option("English")
    expect(page.connection).to_have_text("Live")


# Of everything that is seen or heard but the records, their levels and their nodes.
OWN_TEXTS = """() => {
    const others = 'noscript, option[lang=en], .scroller, .nodes, .level-choice, .legend, .plot';
    return [...document.querySelectorAll('body *')].filter(element => !element.closest(others)).flatMap(element => [
        ...[...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.textContent),
        element.getAttribute('aria-label'), element.getAttribute('title'), element.getAttribute('placeholder'),
    ]).filter(text => text?.trim());
}"""
FOREIGN = re.compile("^(logstream|UTC|[0-9.]+ ms.*)$")


def test_times_on_either_clock(open_page: OpenPage, service: Service) -> None:
    page = open_page(zone="Asia/Seoul")
    service.log_at("at noon", datetime(2026, 1, 2, 15, 30, 0, 123000, UTC))
    page.filter_text(service.word)
    service.log("now")
    expect(page.record("now")).to_have_count(1)
    zone = page.page.get_by_role("combobox", name="Time zone")
    time = page.record("now").locator("time")
    stored = datetime.fromisoformat(str(time.get_attribute("datetime")))
    expect(time).to_contain_text(
        stored.astimezone(ZoneInfo("Asia/Seoul")).strftime("%H:%M:%S.") + f"{stored.microsecond // 1000:03}"
    )
    zone.select_option("UTC")
    expect(time).to_contain_text(stored.strftime("%H:%M:%S.") + f"{stored.microsecond // 1000:03}")


def test_a_page_that_fails_says_so_instead_of_going_blank(open_page: OpenPage) -> None:
    broken = "window.ResizeObserver = class { constructor() { throw new Error('no such thing here') } }"
    page = open_page(prepare=lambda page: page.add_init_script(broken), wait=False)
    alert = page.page.get_by_role("alert")
    expect(alert).to_contain_text("This page has stopped working. Your logs are not affected.")
    expect(alert).to_contain_text("no such thing here")
    expect(alert.get_by_role("button")).to_be_visible()
    page.problems.clear()


def test_without_motion_nothing_moves(open_page: OpenPage) -> None:
    page = open_page()
    page.page.emulate_media(reduced_motion="reduce")
    moving: int = page.page.evaluate(
        "[...document.querySelectorAll('*')].filter(element => {"
        "const {animationName, transitionDuration, scrollBehavior} = getComputedStyle(element);"
        "return animationName !== 'none' || transitionDuration !== '0s' || scrollBehavior === 'smooth'}).length"
    )
    assert moving == 0
