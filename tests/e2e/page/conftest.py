"""A browser, the page in it, and a service that logs."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from harness.chromium import ARGUMENTS, CHROMIUM
from harness.stack import Stack
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from .log_page import LogPage
from .service import Service

PATIENCE_MS = 60_000

OpenPage = Callable[..., LogPage]

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Ended with the module: while Playwright runs, its thread can run no other event loop."""
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: `make browser` installs it"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def service(stack: Stack) -> Iterator[Service]:
    logging_service = Service(stack.gateway)
    yield logging_service
    logging_service.close()


@pytest.fixture
def open_page(stack: Stack, browser: Browser) -> Iterator[OpenPage]:
    """Opens the page in a fresh profile and waits until it is live. Afterwards no page may have had a problem."""
    contexts: list[BrowserContext] = []
    opened: list[LogPage] = []

    def open_one(
        *,
        url: str = f"{stack.page_url}/",
        query: str = "",
        scheme: Literal["dark", "light"] = "light",
        width_px: int = 1280,
        zone: str = "UTC",
        wait: bool = True,
        prepare: Callable[[Page], object] = lambda _: None,
    ) -> LogPage:
        """query: of the page's address. prepare: is given the page before it loads."""
        context = browser.new_context(color_scheme=scheme, viewport={"width": width_px, "height": 800}, timezone_id=zone)
        contexts.append(context)
        log_page = LogPage(context.new_page())
        opened.append(log_page)
        prepare(log_page.page)
        log_page.page.goto(url + query)
        if wait:
            log_page.wait_live()
        return log_page

    yield open_one
    for context in contexts:
        context.close()
    assert [problem for log_page in opened for problem in log_page.problems] == []
