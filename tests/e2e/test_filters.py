"""One question has one answer: in history, on a viewer's first screen, and live. Records go in through the gateway; nothing
here knows which of them are right, only that all three must show the same."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest
import requests
from harness import wire
from harness.corpus import QUERIES, SAMPLES, Sample, query_string, random_query
from harness.history import get
from harness.senders import channel, new_batch_id
from harness.sse import Viewer
from harness.stack import Stack

BY_CHANCE = 30
AT_ONCE = 8
# What is mended on its way in.
ODD = (Sample("api-1", "no\0level", 0, "nul \0 inside", {"k\0": "\0", "user": "7"}), Sample("api-2", "", 0, "\0", {}))

Records = list[dict[str, Any]]


def send_samples(gateway: str, prefix: str) -> None:
    """All samples, a batch for each node."""
    messages = wire.compiled()
    with channel(gateway) as opened:
        push = opened.unary_unary(wire.PUSH)
        for node in sorted({sample.node for sample in SAMPLES}):
            records = [
                messages.LogRecord(level=one.level, severity=one.severity, message=one.message, attributes=one.attributes)
                for one in SAMPLES + ODD
                if one.node == node
            ]
            batch = messages.LogBatch(batch_id=new_batch_id(), node=prefix + node, records=records)
            push(batch.SerializeToString(), timeout=60)


def stored(page_url: str, question: str) -> Records:
    """What history answers, oldest batch first."""
    found: Records = []
    cursor = ""
    while True:
        answer = get(f"{page_url}/api/logs?{question}&limit=5000{cursor}")
        assert answer.status_code == 200, f"GET {answer.url}: {answer.status_code} {answer.text[:500]}"
        found += answer.json()["records"]
        if answer.json()["next_cursor"] is None:
            return in_order(found)
        cursor = f"&cursor={answer.json()['next_cursor']}"


def watch(opened: ExitStack, page_url: str, questions: Sequence[str], recent: int) -> dict[str, Viewer]:
    """A viewer for each question, live."""

    def open_one(question: str) -> Viewer:
        return opened.enter_context(Viewer(f"{page_url}/stream?recent={recent}&{question}"))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        viewers = dict(zip(questions, pool.map(open_one, questions), strict=True))
    for viewer in viewers.values():
        viewer.wait("counts", lambda seen: bool(seen.named("counts")))
    return viewers


def in_order(records: Records) -> Records:
    return sorted(records, key=lambda record: int(record["sequence"]))


def position(viewer: Viewer) -> int:
    """How far the viewer's id says it is."""
    last_id = viewer.last_id()
    return int(last_id.rsplit(":", 3)[1]) if last_id else 0


def test_history_first_screen_and_live_answer_alike(stack: Stack, seed: int) -> None:
    prefix, chance = f"filters-{uuid.uuid4().hex[:8]}-", Random(seed)
    queries = [*QUERIES, *(random_query(chance) for _ in range(BY_CHANCE)), [("q", "nul")], [("attr.k\ufffd", "\ufffd")]]
    every = query_string((), prefix)
    questions = list(dict.fromkeys([every, *(query_string(query, prefix) for query in queries)]))
    with ExitStack() as opened:
        viewers = watch(opened, stack.page_url, questions, recent=0)
        send_samples(stack.gateway, prefix)
        viewers[every].wait("all samples", lambda seen: len(seen.records()) >= len(SAMPLES + ODD))
        last = position(viewers[every])
        for viewer in viewers.values():
            viewer.wait("the last of them", lambda seen: position(seen) >= last)
        live = {question: viewer.records() for question, viewer in viewers.items()}
    answers = {question: stored(stack.page_url, question) for question in questions}
    assert len(answers[every]) == len(SAMPLES + ODD)
    assert {question: in_order(records) for question, records in live.items()} == answers
    with ExitStack() as opened:
        viewers = watch(opened, stack.page_url, questions, recent=5_000)
        assert {question: in_order(viewer.records()) for question, viewer in viewers.items()} == answers


def test_a_viewer_that_comes_back_has_missed_what_matches_and_no_more(stack: Stack) -> None:
    prefix = f"filters-{uuid.uuid4().hex[:8]}-"
    question = query_string((("q", "disk -100%"),), prefix)
    with Viewer(f"{stack.page_url}/stream?recent=0&{question}") as before:
        before.wait("a place", lambda seen: bool(seen.last_id()))
    send_samples(stack.gateway, prefix)
    with Viewer(f"{stack.page_url}/stream?recent=0&{query_string((), prefix)}", before.last_id()) as every:
        every.wait("all samples", lambda seen: len(seen.records()) >= len(SAMPLES + ODD))
    with Viewer(f"{stack.page_url}/stream?{question}", before.last_id()) as again:
        again.wait("the last of them", lambda seen: position(seen) >= position(every))
        assert not again.named("gap")
        assert in_order(again.records()) == stored(stack.page_url, question) != []


@pytest.mark.parametrize("path", ["/api/logs", "/stream"])
def test_a_bad_filter_is_named_in_both_places(stack: Stack, path: str) -> None:
    bad = {"level": ",", "min_level": "loud", "node": " , ", "q": '""', "attr.": "v", "attr": "v", "levle": "error"}
    answer = get(f"{stack.page_url}{path}", bad)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert {problem["name"]: problem["value"] for problem in answer.json()["problems"]} == bad


def test_what_only_history_can_answer_is_refused_live(stack: Stack) -> None:
    asked = {"regex": "a+", "start": "-5m", "end": "now", "sequence": "5"}
    assert get(f"{stack.page_url}/api/logs", asked).status_code == 200
    answer = get(f"{stack.page_url}/stream", asked)
    assert answer.status_code == 400
    problems = {problem["name"]: problem["expected"] for problem in answer.json()["problems"]}
    assert problems.keys() == asked.keys()
    assert all("use it with /api/logs" in expected for expected in problems.values())


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("limit=1e9", 400),
        ("start=2016-01-01&end=2026-01-01&level=error", 200),
        ("level=nobody-knows-this", 200),
        ("min_level=nobody-knows-this", 400),
        ("cursor=AQAAAAA", 400),
        ("q=%25+_+%27+%22%25_%5C%22", 200),
        ("q=%00", 400),
        ("q=%E2%80%AE", 200),
        ("q=%FF", 400),
        ("regex=%5B", 400),
        ("regex=" + "x" * 1_001, 400),
        ("regex=%28x%2B%2B%2B", 400),
        ("sequence=9223372036854775807", 200),
        ("sequence=9223372036854775808", 400),
        ("attr.k=" + "v" * 6_000, 200),
        ("q=" + "x" * 1_048_576, 414),
    ],
    ids=lambda value: str(value)[:40],
)
def test_odd_questions_get_their_status(stack: Stack, question: str, status: int) -> None:
    answer = requests.get(f"{stack.page_url}/api/logs?{question}", timeout=60)
    assert answer.status_code == status, answer.text[:500]
