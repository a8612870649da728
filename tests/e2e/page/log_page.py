"""The page as a reader has it in front of them. It must know it only by what is seen and heard."""

from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, expect


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
    def records(self) -> Locator:
        """The rows of records on the screen, newest first."""
        return self.page.get_by_role("region", name="Log records").locator("[data-sequence]")

    def record(self, text: str) -> Locator:
        return self.records.filter(has_text=text)

    def level(self, name: str) -> Locator:
        return self.page.get_by_role("group", name="Levels").get_by_role("button", name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def filter_text(self, text: str) -> None:
        self.page.get_by_role("searchbox", name="Text").fill(text)

    def wait_live(self) -> None:
        expect(self.connection).to_have_text("Live")

    def scroll_to_end(self) -> None:
        """Brings more of what the page holds on the screen."""
        self.page.locator(".scroller").evaluate("list => list.scrollTo(0, list.scrollHeight)")

    def sequences(self) -> list[str]:
        found: list[str] = self.records.evaluate_all("rows => rows.map(row => row.dataset.sequence)")
        return found

    def _on_console(self, message: ConsoleMessage) -> None:
        # Chromium reports the policy's refusals there, and also every failed request, which some tests cause.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()
