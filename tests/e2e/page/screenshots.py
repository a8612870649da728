"""`make screenshots`: writes a picture of each state of the page to docs/images, from a stack of its own on which a small
shop logs. It is no test; the tests say what must be in the pictures."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

from harness.chromium import ARGUMENTS, CHROMIUM
from harness.history import get, walk
from harness.local_stack import LocalProvider
from harness.stack import Stack
from harness.waiting import wait_for
from harness.wire import ROOT
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

from .shop import Shop

IMAGES: Final = Path(ROOT) / "docs" / "images"
MOST_BYTES: Final = 200_000
WIDTH_PX, HEIGHT_PX, PHONE_PX = 1280, 800, 360
HISTORY_S: Final = 45 * 60
REQUESTS: Final = 1_600
PATIENCE_MS: Final = 60_000
# Of live records, so that the chart of the last minutes shows a rate.
LIVE_S: Final = 150.0
COLORS: Final = 256
SETTLING_S: Final = 5.0


class Camera:
    """Opens the page as a reader has it, and writes what it shows."""

    def __init__(self, browser: Browser, stack: Stack, shop: Shop) -> None:
        self._browser = browser
        self._stack = stack
        self._shop = shop

    @contextmanager
    def page(
        self,
        address: str = "/",
        *,
        scheme: Literal["dark", "light"] = "light",
        locale: str = "en-US",
        width_px: int = WIDTH_PX,
        body: str | None = None,
        answers: Mapping[str, Callable[[Route], None]] | None = None,
    ) -> Iterator[Page]:
        """body: what /stream answers, instead of what the service says; answers: to other addresses."""
        context = self._browser.new_context(
            color_scheme=scheme,
            locale=locale,
            timezone_id="UTC",
            viewport={"width": width_px, "height": HEIGHT_PX},
            reduced_motion="reduce",
        )
        page = context.new_page()
        if body is not None:
            # The requests of a shared worker can't be answered from here.
            page.add_init_script("delete window.SharedWorker")
            page.route("**/stream*", lambda route: route.fulfill(content_type="text/event-stream", body=body))
        for pattern, answer in (answers or {}).items():
            page.route(pattern, answer)
        page.goto(self._stack.page_url + address)
        yield page
        context.close()

    def watch(self, *pages: Page, seconds: float) -> None:
        """Lets the shop go on for a while, in front of these pages."""
        for page in pages:
            expect(page.locator("[data-connection=live]")).to_be_visible()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._shop.log_now()
            pages[0].wait_for_timeout(60)

    def take(self, page: Page, name: str) -> None:
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
        packed = BytesIO()
        picture.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        path = IMAGES / f"page-{name}.png"
        path.write_bytes(packed.getvalue())
        size = len(packed.getvalue())
        print(f"{path.relative_to(ROOT)}: {size:,} bytes", flush=True)
        assert size < MOST_BYTES, f"{path}: {size:,} bytes, expected less than {MOST_BYTES:,}"


def main() -> int:
    if not subprocess.run(["fc-list", ":lang=ko"], capture_output=True, text=True, check=True).stdout:
        print("screenshots: no font has Korean letters here: install the package fonts-nanum", file=sys.stderr)
        return 1
    expect.set_options(timeout=PATIENCE_MS)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as exits:
        provider = LocalProvider("screenshots")
        exits.callback(provider.down)
        stack = Stack(provider, provider.up())
        shop = Shop(stack.gateway)
        exits.callback(shop.close)
        playwright = exits.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        exits.callback(browser.close)
        camera = Camera(browser, stack, shop)
        first_start(camera)
        logged = shop.log_history(HISTORY_S, REQUESTS)
        wait_for("the shop's history", lambda: stored(stack), lambda count: count == logged)
        # All of it came in the last second, which is no rate to show.
        time.sleep(SETTLING_S)
        live(camera)
        record_and_context(camera)
        histogram(camera)
        help_and_export(camera)
        search(camera)
        error(camera)
        gap(camera, stack)
        lost(camera, stack)
    return 0


def stored(stack: Stack) -> int:
    return len(walk(stack.page_url, {"limit": 5000}))


def first_start(camera: Camera) -> None:
    with camera.page() as page:
        expect(page.get_by_role("heading", name="No logs yet")).to_be_visible()
        camera.take(page, "first-start")


def live(camera: Camera) -> None:
    with ExitStack() as exits:
        pages = {name: exits.enter_context(camera.page(**look)) for name, look in LOOKS.items()}
        camera.watch(*pages.values(), seconds=LIVE_S)
        for name, page in pages.items():
            camera.take(page, name)


LOOKS: Final[dict[str, dict[str, Any]]] = {
    "live-light": {},
    "live-dark": {"scheme": "dark"},
    "korean": {"locale": "ko-KR"},
    "phone": {"width_px": PHONE_PX},
}


def record_and_context(camera: Camera) -> None:
    with camera.page("/?level=error&start=-45m") as page:
        row = rows(page).filter(has_text="payment failed").nth(3)
        row.locator("[aria-expanded]").first.click()
        expect(row.get_by_role("button", name="Context")).to_be_visible()
        camera.take(page, "record")
        row.get_by_role("button", name="Context").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="All nodes").click()
        expect(dialog.get_by_text("mailer-1").first).to_be_visible()
        camera.take(page, "context")


def histogram(camera: Camera) -> None:
    with camera.page("/?min_level=warn&start=-45m", scheme="dark") as page:
        expect(rows(page).nth(5)).to_be_visible()
        expect(page.get_by_role("button", name="Refresh")).to_be_visible()
        page.wait_for_timeout(1_000)
        camera.take(page, "range")


def help_and_export(camera: Camera) -> None:
    with camera.page("/?level=error") as page:
        expect(rows(page).nth(5)).to_be_visible()
        for key, name in (("?", "help"), ("e", "export")):
            page.keyboard.press(key)
            expect(page.get_by_role("dialog")).to_be_visible()
            camera.take(page, name)
            page.keyboard.press("Escape")


def search(camera: Camera) -> None:
    """A database in which a search takes long is not at hand: these answers are partial ones."""
    partial = {"records": [], "next_cursor": "c", "complete": False}
    now = datetime.now(UTC)
    answers = [{**partial, "scanned_until": (now - timedelta(hours=hours)).isoformat()} for hours in (5, 11)]

    def answer(route: Route) -> None:
        if answers:
            route.fulfill(json=answers.pop(0))

    with camera.page("/?q=rare", answers={"**/api/logs?*": answer}) as page:
        expect(page.get_by_text("Searched back to")).to_be_visible()
        page.wait_for_timeout(500)
        camera.take(page, "search")


def error(camera: Camera) -> None:
    problem = {"title": "Database away", "status": 503, "detail": "The database does not answer. Try again in a moment."}

    def answer(route: Route) -> None:
        route.fulfill(status=503, json=problem)

    with camera.page("/?level=error&start=-45m", answers={"**/api/logs*": answer}) as page:
        expect(page.get_by_role("alert").first).to_be_visible()
        camera.take(page, "error")


def gap(camera: Camera, stack: Stack) -> None:
    found = get(f"{stack.page_url}/api/logs", {"limit": 400}).json()["records"]
    newest, older = found[:9], found[260:300]
    before, after = older[0]["time"], newest[-1]["time"]
    margin = timedelta(minutes=10)
    missed = {
        "from": (datetime.fromisoformat(before).astimezone(UTC) - margin).isoformat(),
        "to": (datetime.fromisoformat(after).astimezone(UTC) + margin).isoformat(),
        "reason": "past the window",
        "received_from": before,
        "received_to": after,
    }
    events = (("logs", older), ("gap", missed), ("logs", newest))
    body = "retry: 3600000\n\n" + "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    with camera.page(body=body) as page:
        expect(page.locator("[data-notice=gap]")).to_be_visible()
        camera.take(page, "gap")


def lost(camera: Camera, stack: Stack) -> None:
    with camera.page() as page:
        camera.watch(page, seconds=3.0)
        stack.stop("stream")
        expect(page.locator("[data-connection=lost]")).to_be_visible()
        expect(page.get_by_role("alert")).to_be_visible()
        camera.take(page, "lost")


def rows(page: Page) -> Locator:
    return page.get_by_role("region", name="Log records").locator("[data-sequence]")


if __name__ == "__main__":
    sys.exit(main())
