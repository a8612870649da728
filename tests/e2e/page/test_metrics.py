"""What goes on now, beside the records: rates, errors, lag, nodes, drops."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.stack import Stack
from playwright.sync_api import Page, expect

from .conftest import OpenPage
from .service import Service

# An EventSource that opens, sends these events and stays.
SOURCE = """window.EventSource = class extends EventTarget {
    readyState = 0;
    CLOSED = 2;
    constructor() {
        super();
        setTimeout(() => {
            this.readyState = 1;
            this.onopen();
            for (const [name, data, lastEventId] of EVENTS) this.dispatchEvent(new MessageEvent(name, {data, lastEventId}));
        }, 50);
    }
    close() {}
}"""


def test_what_is_logged_is_counted_as_it_comes(open_page: OpenPage, service: Service) -> None:
    # The counts are of all records, whatever the filter.
    page = open_page(query="?q=nothing-of-the-kind")
    metrics = page.page.get_by_role("region", name="Metrics")
    # What others logged just before has been counted by then; a new page begins at nothing.
    page.page.wait_for_timeout(2500)
    page.page.reload()
    page.wait_live()
    service.log_records([("error", "bad", {})] * 3 + [("info", "good", {})] * 9)
    legend = metrics.locator(".legend")
    expect(legend).to_contain_text("error 3")
    expect(legend).to_contain_text("info 9")
    expect(metrics.get_by_role("definition").nth(2)).to_contain_text("25%")
    expect(metrics.get_by_role("listitem")).to_contain_text(service.node)
    expect(metrics.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("^12 records by level over time, including 3 errors")
    )
    page.button("Hide metrics").click()
    expect(legend).to_have_count(0)
    page.page.reload()
    expect(page.button("Show metrics")).to_be_visible()


def test_lag_drops_and_nodes_are_those_of_the_stream(open_page: OpenPage) -> None:
    """The stream is this test's: so busy a second is none of a test's."""
    second = [(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat() for seconds in range(3)]
    counts: dict[str, Any] = {
        "time": second[0],
        "records": 20_000,
        "by_level": {"info": 19_000, "error": 1_000},
        "by_node": {"busy": 15_000, "quiet": 5_000},
        "lag_ms": 900.0,
        "lag_p50_ms": 41.0,
        "lag_p99_ms": 312.5,
        "viewers": 3,
        "dropped": 8_000,
    }
    dropped = {"records": 8_000, "reason": "rate", "from": second[0], "to": second[1]}
    more = {**dropped, "from": second[1], "to": second[2]}
    events = [("live", {}, ""), ("dropped", dropped, ""), ("dropped", more, ""), ("counts", counts, "e:1:1:1")]

    def prepare(page: Page) -> None:
        page.add_init_script("delete window.SharedWorker")
        page.add_init_script(
            SOURCE.replace("EVENTS", json.dumps([(name, json.dumps(data), event_id) for name, data, event_id in events]))
        )

    page = open_page(prepare=prepare)
    metrics = page.page.get_by_role("region", name="Metrics")
    for text in ("20,000/s", "5%", "41 ms (p99: 313 ms)", "8,000", "busy", "15,000/s"):
        expect(metrics).to_contain_text(text)
    # Drops that follow each other are one notice, and where they are is marked.
    expect(page.page.locator("[data-notice=dropped]")).to_have_count(1)
    expect(page.page.locator("[data-notice=dropped]")).to_contain_text("16,000 records were left out")


def test_a_busier_stream_than_a_page_is_sent_says_what_it_leaves_out(
    stack: Stack, open_page: OpenPage, service: Service
) -> None:
    with stack.environment("stream", {"LOGSTREAM_STREAM_MAX_RATE": "50"}):
        page = open_page(query=f"?q={service.word}")
        service.log(*(f"line {number}" for number in range(3000)))
        notice = page.page.locator("[data-notice=dropped]")
        expect(notice).to_have_count(1)
        expect(notice).to_contain_text("so it shows a sample")
        notice.get_by_role("button").click()
        expect(notice).to_contain_text(re.compile(r"\d{3} records loaded"))
