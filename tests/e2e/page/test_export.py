"""The page exports what its view means."""

import csv
import json
from pathlib import Path

from harness.history import walk
from harness.stack import Stack
from harness.waiting import wait_for
from playwright.sync_api import Download, Page, Route, expect

from .conftest import OpenPage
from .log_page import LogPage
from .service import Service

RECORDS = 250


def without_picker(page: Page) -> None:
    """A dialog of the system can't be pressed from here; browsers without one get a download."""
    page.add_init_script("delete window.showSaveFilePicker")


def export(page: LogPage, format_name: str, most: str = "") -> Download:
    page.page.keyboard.press("e")
    dialog = page.page.get_by_role("dialog", name="Export")
    dialog.get_by_label("Format").select_option(format_name)
    dialog.get_by_label("Maximum records").fill(most)
    with page.page.expect_download() as download:
        dialog.get_by_role("button", name="Export", exact=True).click()
    return download.value


def test_everything_that_the_view_means(stack: Stack, open_page: OpenPage, service: Service, tmp_path: Path) -> None:
    service.log(*(f'line "{number}"\nand more' for number in range(RECORDS)), level="error")
    service.log("of another level")
    stored = wait_for(
        "them in history",
        lambda: walk(stack.page_url, {"q": service.word, "level": "error"}),
        lambda found: len(found) == RECORDS,
    )
    page = open_page(query=f"?q={service.word}&level=error", prepare=without_picker)
    export(page, "NDJSON").save_as(tmp_path / "logs.ndjson")
    status = page.page.get_by_role("dialog").get_by_role("status")
    expect(status).to_have_text(f"Export complete: {RECORDS} records.")
    *lines, last = (tmp_path / "logs.ndjson").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == stored
    assert json.loads(last)["logstream_export"]["complete"] is True
    page.page.keyboard.press("Escape")
    export(page, "CSV").save_as(tmp_path / "logs.csv")
    expect(status).to_have_text(f"Export complete: {RECORDS} records.")
    with (tmp_path / "logs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sequence"] for row in rows] == [record["sequence"] for record in stored]


def test_in_parts(stack: Stack, open_page: OpenPage, service: Service, tmp_path: Path) -> None:
    service.log(*(f"line {number}" for number in range(RECORDS)))
    stored = wait_for(
        "them in history", lambda: walk(stack.page_url, {"q": service.word}), lambda found: len(found) == RECORDS
    )
    page = open_page(query=f"?q={service.word}", prepare=without_picker)
    export(page, "NDJSON", most="200").save_as(tmp_path / "1.ndjson")
    dialog = page.page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_have_text("200 records exported. There are more.")
    with page.page.expect_download() as download:
        dialog.get_by_role("button", name="Export the next part").click()
    download.value.save_as(tmp_path / "2.ndjson")
    parts = [(tmp_path / f"{part}.ndjson").read_text("utf-8").splitlines()[:-1] for part in (1, 2)]
    assert [json.loads(line)["sequence"] for part in parts for line in part] == [record["sequence"] for record in stored]


def test_an_answer_that_breaks_off_is_no_file(open_page: OpenPage) -> None:
    page = open_page(prepare=without_picker)
    downloads: list[Download] = []
    page.page.on("download", lambda download: downloads.append(download))
    page.page.route("**/api/logs/export?*", lambda route: route.fulfill(body='{"sequence":"1"}\n'))
    page.page.keyboard.press("e")
    dialog = page.page.get_by_role("dialog", name="Export")
    dialog.get_by_role("button", name="Export", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("The export was interrupted")
    assert downloads == []


def test_it_can_be_stopped_and_a_refusal_is_told(open_page: OpenPage) -> None:
    page = open_page(prepare=without_picker)
    held: list[Route] = []
    page.page.route("**/api/logs/export?*", lambda route: held.append(route))
    page.page.keyboard.press("e")
    dialog = page.page.get_by_role("dialog", name="Export")
    dialog.get_by_role("button", name="Export", exact=True).click()
    dialog.get_by_role("button", name="Stop").click()
    expect(dialog.get_by_role("status")).to_have_text("Export stopped. No file was saved.")
    page.page.unroute("**/api/logs/export?*")
    dialog.get_by_label("Maximum records").fill("999999999999")
    dialog.get_by_role("button", name="Export", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("max_records=999999999999")
