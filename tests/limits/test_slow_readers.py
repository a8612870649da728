"""Readers who ask for large answers and don't take them. What they leave lying must not fill what all share: neither files
of the page's nginx, whose folder for them is 64 MiB in memory, nor the memory of nginx and query."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from harness import wire
from harness.history import walk
from harness.ledger import Ledger
from harness.memory import Within
from harness.neighbours import MakeNeighbours
from harness.senders import channel, make_batch
from harness.services import PAGE
from harness.slow_reader import SlowReader
from harness.stack import Stack
from harness.waiting import GENEROUS_S, wait_for

READERS = 20
# Of one answer, more than sockets hold: 60 records.
LARGE_RECORDS = 60
MESSAGE_BYTES = 60_000


@pytest.fixture
def large_answer(stack: Stack) -> str:
    """The address of an answer of some 4 MB."""
    node = Ledger("slow-readers").node("large")
    with channel(stack.gateway) as opened:
        push = opened.unary_unary(wire.PUSH, response_deserializer=wire.compiled().PushResult.FromString)
        messages = [f"{node} {number} ".ljust(MESSAGE_BYTES, "m") for number in range(LARGE_RECORDS)]
        push(make_batch(node, messages).raw, timeout=30)
    wait_for("them in history", lambda: len(walk(stack.page_url, {"node": node})), lambda found: found == LARGE_RECORDS)
    return f"{stack.page_url}/api/logs?node={node}&limit={LARGE_RECORDS}"


@pytest.fixture
def readers() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def kept_in_files(page_pid: int) -> dict[str, int]:
    """Bytes that nginx's workers hold in files of answers, by file."""
    found = {}
    for worker in Path(f"/proc/{page_pid}/task/{page_pid}/children").read_text(encoding="ascii").split():
        for file in Path(f"/proc/{worker}/fd").iterdir():
            target = str(file.readlink())
            if target.endswith(" (deleted)") or "/proxy" in target:
                found[target] = file.stat().st_size
    return found


def test_an_answer_that_is_not_read_is_kept_in_no_file(
    stack: Stack, neighbours: MakeNeighbours, within_memory: Within, large_answer: str, readers: ExitStack
) -> None:
    with within_memory("page"), within_memory("query"), neighbours() as near:
        for _ in range(READERS):
            assert readers.enter_context(SlowReader(large_answer)).status == 200
        near.wait_for_more("while nobody reads")
        assert kept_in_files(stack.pid(PAGE)) == {}


def test_one_client_has_so_many_answers_under_way_and_others_theirs(
    stack: Stack, large_answer: str, readers: ExitStack
) -> None:
    settings = {"LOGSTREAM_PAGE_REQUESTS_PER_CLIENT": "2", "LOGSTREAM_PAGE_TRUSTED_PROXIES": "127.0.0.1"}
    client = {"X-Forwarded-For": "203.0.113.1"}
    with stack.environment(PAGE, settings):
        found = [readers.enter_context(SlowReader(large_answer, **client)).status for _ in range(3)]
        assert found == [200, 200, 429]
        crowded = requests.get(f"{stack.page_url}/api/logs", headers=client, timeout=GENEROUS_S)
        assert crowded.status_code == 429
        assert crowded.headers["Content-Type"] == "application/problem+json"
        other = requests.get(f"{stack.page_url}/api/logs", headers={"X-Forwarded-For": "203.0.113.2"}, timeout=GENEROUS_S)
        assert other.status_code == 200
        readers.close()

        def again() -> int:
            return requests.get(f"{stack.page_url}/api/logs", headers=client, timeout=GENEROUS_S).status_code

        wait_for("room for the client", again, lambda status: status == 200)
