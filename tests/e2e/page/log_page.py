"""The page as a reader has it in front of them. It must know it only by what is seen and heard."""

from collections.abc import Callable

from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, expect

# Of the list, at once: less than it keeps as elements around what is seen.
_STEP_PX = 400


class LogPage:
    """A browser's page, watched from now on. problems: every script error, dialog and refusal by the security policy."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", self._on_dialog)

    @property
    def connection(self) -> Locator:
        return self.page.get_by_role("banner").get_by_role("status")

    @property
    def region(self) -> Locator:
        return self.page.get_by_role("region", name="Log records")

    @property
    def records(self) -> Locator:
        """The rows of records on the screen, and a few around it, newest first."""
        return self.region.locator("[data-sequence]")

    @property
    def scroller(self) -> Locator:
        return self.page.locator(".scroller")

    def record(self, text: str) -> Locator:
        return self.records.filter(has_text=text)

    def open_record(self, text: str) -> Locator:
        """Opens the record's line and answers its row."""
        row = self.record(text).first
        row.locator(".line").click()
        expect(row.get_by_role("region", name="Record")).to_be_visible()
        return row

    def level(self, name: str) -> Locator:
        return self.page.get_by_role("group", name="Levels").get_by_role("button", name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def filter_text(self, text: str) -> None:
        """Filters by the text, and waits until the page has taken it."""
        self.page.get_by_role("searchbox", name="Text").fill(text)
        self.page.wait_for_function(
            "text => (new URLSearchParams(location.search).get('q') ?? '') === text", arg=text.strip()
        )

    def wait_live(self) -> None:
        expect(self.connection).to_have_text("Live")

    def scroll_to(self, top_px: float) -> None:
        self.scroller.evaluate("(list, top) => list.scrollTo(0, top)", top_px)

    def scroll_to_end(self) -> None:
        """Brings the oldest that the page holds on the screen."""
        self.scroller.evaluate("list => list.scrollTo(0, list.scrollHeight)")

    def sequences(self) -> list[str]:
        """Of the rows that are elements now."""
        found: list[str] = self.records.evaluate_all("rows => rows.map(row => row.dataset.sequence)")
        return found

    def walk(self, done: Callable[[list[str]], bool] = lambda _: False) -> list[str]:
        """Scrolls from the top to the end of all there is, or until done; answers the sequences in the order of the list.

        What is on the screen twice, above and below, is told here: then it is twice in the answer."""
        self.scroll_to(0)
        found: list[str] = []
        top_px = 0.0
        while True:
            self._settle()
            rows = self.sequences()
            known = set(found)
            fresh = [sequence for sequence in rows if sequence not in known]
            assert len(rows) == len(set(rows)), "a record is twice on the screen"
            assert not found or not fresh or rows[-len(fresh) :] == fresh, "a record came in above what was read"
            found += fresh
            at_end = self.scroller.evaluate("list => list.scrollTop + list.clientHeight >= list.scrollHeight - 1")
            if done(found) or (at_end and self.page.locator(".list-end button").count() == 0):
                return found
            if at_end and self.page.locator(".list-end button", has_text="Load older").count() == 1:
                self.page.locator(".list-end button").click()
            top_px += _STEP_PX
            self.scroll_to(top_px)

    def _settle(self) -> None:
        """Until what was scrolled to is drawn."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium reports the policy's refusals there, and also every failed request, which some tests cause.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()
