"""The page in Chromium, with its probe, and what the browser's processes hold. It must not send records."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from harness.chromium import ARGUMENTS, CHROMIUM
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

_PROBE: Final = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")
_WIDTH_PX, _HEIGHT_PX = 1280, 800
_MIB: Final = 2**20
_PATIENCE_S: Final = 60.0
# As often as the screen is drawn.
_WHEEL_EVERY_S: Final = 1 / 60


@dataclass(frozen=True)
class Held:
    """What the page holds after its garbage was collected, which kept it busy from `from_ms` to `until_ms` of its clock."""

    at_s: float
    heap_mib: float
    rss_mib: float
    from_ms: float
    until_ms: float


class WatchedPage:
    """A window of a profile of its own, open until the end of `opened`."""

    def __init__(self, page: Page, session: CDPSession, browser: CDPSession) -> None:
        self._page = page
        self._session = session
        self._browser = browser

    def painted_ms(self) -> float:
        """From the start of the navigation until the first records were painted."""
        return float(self._wait("pageProbe.painted_ms"))

    def wait_live(self) -> None:
        self._wait("document.querySelector('header [role=status]')?.textContent === 'Live'")

    def now_ms(self) -> float:
        """By the page's clock, as all times of the probe."""
        return self._number("performance.now()")

    def read(self, name: str) -> list[list[float]]:
        """One of the probe's lists of [time, value]."""
        found: list[list[float]] = self._page.evaluate(f"pageProbe.{name}")
        return found

    def held_records(self) -> int:
        """As the page says it."""
        text = self._page.locator(".state p").first.inner_text()
        return int("".join(character for character in text.split(" record")[0] if character.isdigit()) or 0)

    def notices(self) -> int:
        """Rows on the screen that say that something is missing."""
        return self._page.locator("[data-notice]").count()

    def newest(self) -> str:
        return self._page.locator("[data-sequence]").first.inner_text()

    def held(self) -> Held:
        from_ms = self.now_ms()
        self._session.send("HeapProfiler.collectGarbage")
        heap = self._session.send("Runtime.getHeapUsage")["usedSize"] / _MIB
        return Held(
            at_s=time.time(),
            heap_mib=round(heap, 1),
            rss_mib=round(self._renderer().memory_info().rss / _MIB, 1),
            from_ms=from_ms,
            until_ms=self.now_ms(),
        )

    def cpu_s(self) -> float:
        """Of the page's process so far."""
        used = self._renderer().cpu_times()
        return float(used.user + used.system)

    def wheel(self, seconds: float, px_per_s: float) -> list[list[float]]:
        """Turns the wheel over the list, and answers when each frame began, in milliseconds, and whether there was a row in
        the middle of the list."""
        box = self._page.locator(".scroller").bounding_box()
        assert box
        self._page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self._page.evaluate("pageProbe.watchFrames()")
        began = turned = time.monotonic()
        while turned - began < seconds:
            time.sleep(_WHEEL_EVERY_S)
            now = time.monotonic()
            self._page.mouse.wheel(0, px_per_s * (now - turned))
            turned = now
        frames: list[list[float]] = self._page.evaluate("pageProbe.takeFrames()")
        return frames

    def scrolled_px(self) -> float:
        return self._number("document.querySelector('.scroller').scrollTop")

    def scroll_back(self, records: int, seconds: float) -> int:
        """Goes to the end of the list until it holds so many records, or for so long; answers how many it holds."""
        until = time.monotonic() + seconds
        while (held := self.held_records()) < records and time.monotonic() < until:
            # Somewhat back first: at the end already, a list is not told that it was scrolled.
            for further_px in (-2_000, 1_000_000_000):
                self._page.evaluate(f"document.querySelector('.scroller').scrollBy(0, {further_px})")
                time.sleep(0.05)
        return held

    def _wait(self, expression: str) -> Any:
        """Asks from here: the page's policy allows no waiting in the page, which would evaluate text there."""
        until = time.monotonic() + _PATIENCE_S
        while not (value := self._page.evaluate(expression)):
            if time.monotonic() > until:
                raise TimeoutError(f"waited {_PATIENCE_S:.0f} s for {expression}")
            time.sleep(0.02)
        return value

    def _number(self, expression: str) -> float:
        return float(self._page.evaluate(expression))

    def _renderer(self) -> psutil.Process:
        """The process of the page: of all that draw something, the one with the most memory."""
        found = self._browser.send("SystemInfo.getProcessInfo")["processInfo"]
        renderers = [psutil.Process(process["id"]) for process in found if process["type"] == "renderer"]
        return max(renderers, key=lambda process: process.memory_info().rss)


@contextmanager
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        raise FileNotFoundError(f"{CHROMIUM} is missing: `make browser` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[WatchedPage]:
    """A window on this address in a fresh profile."""
    context = browser.new_context(viewport={"width": _WIDTH_PX, "height": _HEIGHT_PX}, locale="en-US")
    try:
        context.add_init_script(_PROBE)
        page = context.new_page()
        session = context.new_cdp_session(page)
        page.goto(url, wait_until="commit")
        yield WatchedPage(page, session, browser.new_browser_cdp_session())
    finally:
        context.close()


def frame_times(frames: list[list[float]]) -> list[float]:
    return [after - before for (before, _), (after, _) in itertools.pairwise(frames)]


def outside(values: list[list[float]], held: list[Held], from_ms: float, until_ms: float) -> list[float]:
    """The values of a time, without those that the collecting of garbage for `held` had a part in."""
    return [
        value
        for at, value in values
        if from_ms <= at < until_ms and not any(at < one.until_ms and at + value > one.from_ms for one in held)
    ]
