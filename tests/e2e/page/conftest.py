"""A browser, the page in it, and a service that logs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from harness.stack import Stack
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from .log_page import LogPage
from .service import Service

CHROMIUM = Path("/usr/bin/chromium")
# Loopback only: no sandbox as root, nothing fetched or reported in the background.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000

OpenPage = Callable[..., LogPage]

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Ended with the module: while Playwright runs, its thread can run no other event loop."""
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: `make browser` installs it"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
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
        *, url: str = stack.page_url, scheme: Literal["dark", "light"] = "light", width_px: int = 1280, wait: bool = True
    ) -> LogPage:
        context = browser.new_context(color_scheme=scheme, viewport={"width": width_px, "height": 800})
        contexts.append(context)
        log_page = LogPage(context.new_page())
        opened.append(log_page)
        log_page.page.goto(url)
        if wait:
            log_page.wait_live()
        return log_page

    yield open_one
    for context in contexts:
        context.close()
    assert [problem for log_page in opened for problem in log_page.problems] == []
