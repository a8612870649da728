"""Records that went in by the gateway are counted, exported and shown in context, all through the page's origin."""

import csv
import io
import json
import time
from typing import Any

import pytest
import requests
from harness.history import get, walk
from harness.ledger import Ledger
from harness.senders import Sender
from harness.stack import Stack
from harness.verdict import settle

BATCHES, BATCH_RECORDS = 4, 500
RECORDS = BATCHES * BATCH_RECORDS


class Sent:
    def __init__(self, stack: Stack, node: str, records: list[dict[str, Any]]) -> None:
        self.page_url = stack.page_url
        self.node = node
        self.records = records

    def get(self, route: str, **params: str | int) -> requests.Response:
        answer = get(f"{self.page_url}{route}", {"node": self.node, **params})
        assert answer.status_code == 200, f"GET {answer.url}: {answer.status_code} {answer.text[:500]}"
        return answer


@pytest.fixture(scope="module")
def sent(stack: Stack) -> Sent:
    """One node's records, newest first, as pages have them."""
    ledger = Ledger("counts")
    sender = Sender(stack.gateway, ledger, "counted")
    for _ in range(BATCHES):
        sender.push(sender.batch(BATCH_RECORDS))
    sender.close()
    settle(stack.database_url, ledger, stack.unsettled).demand()
    records = walk(stack.page_url, {"node": sender.node, "limit": 5_000})
    assert len(records) == RECORDS
    return Sent(stack, sender.node, records)


def test_a_histogram_counts_each_record_once(sent: Sent) -> None:
    # Records may be ahead of the clock that says what "now" is.
    end = int(time.time()) + 600
    for bucket, source in (("1m", "counts"), ("10m", "counts"), ("1s", "records")):
        found = sent.get("/api/logs/histogram", bucket=bucket, start=f"{end - 2_000}", end=end).json()
        assert (found["total"], found["source"], found["complete"]) == (RECORDS, source, True)
        assert sum(bar["total"] for bar in found["buckets"]) == RECORDS
        assert {level["level"]: level["count"] for level in found["levels"]} == {
            level: sum(record["level"] == level for record in sent.records)
            for level in {record["level"] for record in sent.records}
        }


def test_facets_count_each_record_once(sent: Sent) -> None:
    found = sent.get("/api/logs/facets", records=5_000).json()
    assert found["nodes"] == {
        "over": "all",
        "total": RECORDS,
        "distinct": 1,
        "unnamed": 0,
        "top": [{"value": sent.node, "count": RECORDS}],
    }
    attributes = found["attributes"]
    assert attributes["over"] == {"records": RECORDS, "complete": True}
    assert [(key["key"], key["count"], key["distinct"]) for key in attributes["top"]] == [("n", RECORDS, BATCH_RECORDS)]


def test_an_export_holds_the_records_of_the_pages(sent: Sent) -> None:
    answer = sent.get("/api/logs/export")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "X-Accel-Buffering" not in answer.headers
    *records, end = [json.loads(line) for line in answer.text.splitlines()]
    assert records == sent.records
    assert end == {"logstream_export": {"records": RECORDS, "complete": True, "next_cursor": None}}
    head, *rows = csv.reader(io.StringIO(sent.get("/api/logs/export", format="csv", order="asc").text, newline=""))
    assert [dict(zip(head, row, strict=True))["sequence"] for row in rows] == [
        record["sequence"] for record in reversed(sent.records)
    ]


def test_a_capped_export_goes_on_by_its_cursor(sent: Sent) -> None:
    first = sent.get("/api/logs/export", max_records=700).text.splitlines()
    end = json.loads(first[-1])["logstream_export"]
    assert (end["records"], end["complete"]) == (700, False)
    rest = sent.get("/api/logs/export", cursor=end["next_cursor"]).text.splitlines()
    assert [json.loads(line) for line in [*first[:-1], *rest[:-1]]] == sent.records


def test_the_context_of_a_record(sent: Sent) -> None:
    place = 1_000
    answer = get(f"{sent.page_url}/api/logs/{sent.records[place]['sequence']}/context", {"before": 700, "after": 2})
    assert answer.status_code == 400
    answer = get(f"{sent.page_url}/api/logs/{sent.records[place]['sequence']}/context", {"before": 500, "after": 2})
    found = answer.json()
    assert found["record"] == sent.records[place]
    assert found["before"] == sent.records[place + 1 : place + 501][::-1]
    assert found["after"] == sent.records[place - 2 : place][::-1]
    assert found["complete"] == {"before": True, "after": True}


def test_stats_tell_what_is_stored(sent: Sent) -> None:
    found = get(f"{sent.page_url}/api/stats").json()
    assert found["rows"] >= RECORDS
    assert found["newest"] >= sent.records[0]["time"]
    assert found["edition"] in ("apache", "community")
