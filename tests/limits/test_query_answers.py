"""Readers who ask for all there is of large records, and ones whose regular expressions are expensive: the query service
stays within its memory, and the reader of small pages is answered."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import psycopg
import pytest
import requests
from harness.memory import Within
from harness.neighbours import MakeNeighbours
from harness.planting import Planted, plant
from harness.stack import Stack

TIMEOUT_S = 120
RECORDS = 60
ATTRIBUTE_CHARACTERS = 60_000
# As older releases stored them: 3.9 MiB in each.
ATTRIBUTES = 65
# Where nobody else's records are.
HOURS_BEFORE = 3
ANSWER_BYTES = 8 * 1024 * 1024
MANY = 30
# Which of a, b and x are there is asked anew at every character.
EXPENSIVE = "(?=.*(a%2B)%2B$)(?=.*(b%2B)%2B$)(.*x.*y.*z)%2B(?!q)"


class Large(NamedTuple):
    """Where large records are: a filter that leads to them alone, the same for the seed's route, and one of them."""

    times: str
    seed_times: str
    sequence: int


@pytest.fixture(scope="module")
def large(stack: Stack, seed: int) -> Iterator[Large]:
    chance, then_us = random.Random(seed), time.time_ns() // 1_000 - HOURS_BEFORE * 3_600_000_000
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for place in range(RECORDS):
            attributes = {f"k{n}": chance.randbytes(ATTRIBUTE_CHARACTERS // 2).hex() for n in range(ATTRIBUTES)}
            (stored,) = plant(
                connection, [Planted(then_us - place * 1_000, f"{place}", node="large", attributes=attributes)]
            )
        start, end = then_us // 1_000 - RECORDS, then_us // 1_000 + 1
        yield Large(f"start={start}&end={end}", f"startTime={start}&endTime={end}", stored.sequence)
        connection.execute("DELETE FROM logs WHERE node = 'large'")


def ask(stack: Stack, path: str) -> requests.Response:
    return requests.get(f"{stack.page_url}{path}", timeout=TIMEOUT_S)


def ask_at_once(stack: Stack, path: str, number: int) -> list[requests.Response]:
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(lambda _: ask(stack, path), range(number)))


PATHS = {
    "page": "/api/logs?limit=5000&{times}",
    "search": "/api/logs?limit=5000&q=-nosuch&{times}",
    "facets": "/api/logs/facets?records=5000&{times}",
    "seed": "/historical-logs?limit=5000&{seed_times}",
    "context": "/api/logs/{sequence}/context?before=500&after=500&scope=all",
    "export": "/api/logs/export?{times}",
}


@pytest.mark.parametrize("route", PATHS)
def test_three_answers_over_large_records(
    stack: Stack, neighbours: MakeNeighbours, within_memory: Within, large: Large, route: str
) -> None:
    with within_memory("query"), neighbours():
        answers = ask_at_once(stack, PATHS[route].format(**large._asdict()), 3)
    assert [answer.status_code for answer in answers] == [200] * 3
    if route != "export":
        assert max(len(answer.content) for answer in answers) < 2 * ANSWER_BYTES


def test_thirty_answers_over_large_records(
    stack: Stack, neighbours: MakeNeighbours, within_memory: Within, large: Large
) -> None:
    with within_memory("query"), neighbours():
        answers = ask_at_once(stack, f"/api/logs?limit=5000&{large.times}", MANY)
    by_status = Counter(answer.status_code for answer in answers)
    assert by_status[200] >= 3
    assert set(by_status) <= {200, 503}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 503)


def test_all_large_records_come_page_by_page(stack: Stack, large: Large) -> None:
    messages, cursor, pages = [], "", 0
    while True:
        page = ask(stack, f"/api/logs?limit=5000&{large.times}&cursor={cursor}").json()
        messages += [record["message"] for record in page["records"]]
        cursor, pages = page["next_cursor"], pages + 1
        if cursor is None:
            break
        assert page["records"]
    assert messages == [str(place) for place in range(RECORDS)]
    assert pages > 20


ROUTES = {"logs": "/api/logs?", "facets": "/api/logs/facets?", "histogram": "/api/logs/histogram?start=-1h&"}


@pytest.mark.parametrize("route", ["logs", "facets", "histogram"])
def test_expensive_regular_expressions(
    stack: Stack, neighbours: MakeNeighbours, within_memory: Within, large: Large, route: str
) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        now_us = time.time_ns() // 1_000
        plant(connection, [Planted(now_us, "ab" * 30_000, node="regex") for _ in range(100)])
    with within_memory("query"), neighbours():
        answers = ask_at_once(stack, f"{ROUTES[route]}regex={EXPENSIVE}", 12)
        ready = requests.get(stack.admin_url("query") + "/readyz", timeout=TIMEOUT_S).status_code
    by_status = Counter(answer.status_code for answer in answers)
    assert ready == 200
    assert by_status[429] >= 1
    assert set(by_status) <= {200, 429, 504}
    for answer in answers:
        if answer.status_code == 504:
            assert "regular expression" in answer.json()["title"].lower()
            assert answer.json()["detail"].startswith("regex: ")
