"""A sender that makes up levels and nodes without end: what counts keep and viewers are sent stays small, what others ask is
answered as before, and all of it is stored under its own names."""

import time
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import requests
from harness import wire
from harness.ledger import Ledger
from harness.memory import Within
from harness.neighbours import MakeNeighbours
from harness.senders import DEADLINE_S, channel, new_batch_id
from harness.sse import Viewer
from harness.stack import Stack
from harness.waiting import wait_for

MINUTE_NS = 60 * 1_000_000_000
# Names of a minute, of one node, and of all that are counted together, as docs/architecture.md has them, and some room.
MOST_NAMES = 5_000 + 500
MOST_OF_NODE = 50 + 100
MOST_EVENT_BYTES = 60_000
MOST_ANSWER_BYTES = 500_000
LEVELS_OF_BATCH = 2_500


@dataclass
class Careless:
    """All records of one minute that is over."""

    stack: Stack
    ledger: Ledger

    def __post_init__(self) -> None:
        self.minute_ns = (time.time_ns() // MINUTE_NS - 3) * MINUTE_NS
        self.records = 0
        self.mine = f"time >= %(from)s AND time < %(to)s AND node LIKE '{self.node('%%')}'"

    def node(self, name: str) -> str:
        """Unknown to the ledger, which holds what is acknowledged against what is stored record by record."""
        return f"careless-{self.ledger.run}-{name}"

    def batch(self, node: str, levels: list[str]) -> bytes:
        messages = wire.compiled()
        records = [
            messages.LogRecord(time_unix_nano=self.minute_ns + index, level=level, message="m")
            for index, level in enumerate(levels)
        ]
        self.records += len(records)
        return bytes(messages.LogBatch(batch_id=new_batch_id(), node=node, records=records).SerializeToString())

    def push(self, batches: list[bytes]) -> None:
        with channel(self.stack.gateway) as open_channel:
            result_of = wire.compiled().PushResult.FromString
            push = open_channel.stream_stream(wire.PUSH_STREAM, response_deserializer=result_of)
            assert len(list(push(iter(batches), timeout=4 * DEADLINE_S))) == len(batches)

    def wait_stored(self) -> None:
        wait_for("the careless sender's records", self.stored, lambda seen: seen == self.records)

    def stored(self) -> int:
        return int(self.sql(f"SELECT count(*) FROM logs WHERE {self.mine}")[0][0])

    def wait_counted(self) -> list[tuple[str, str, int, int]]:
        """node, level, severity and count of the minute, when no count is left to be added up."""
        wait_for(
            "counts to be added up",
            lambda: self.sql("SELECT count(*) FROM log_counts WHERE bucket >= %(from)s AND bucket < %(to)s")[0][0],
            lambda seen: seen == 0,
        )
        rows = "SELECT node, level, severity, count FROM log_rollups WHERE bucket = %(from)s AND width_s = 60"
        return self.sql(rows)

    def sql(self, query: str) -> list[Any]:
        from_s = self.minute_ns / 1e9
        with psycopg.connect(self.stack.database_url) as connection:
            found = connection.execute(
                query.replace("%(from)s", "to_timestamp(%(from)s)").replace("%(to)s", "to_timestamp(%(to)s)"),
                {"from": from_s, "to": from_s + 60},
            )
            return found.fetchall()

    def get(self, route: str, **parameters: str) -> Any:
        """The answer about the careless minute, which must not be large."""
        span = {"start": str(self.minute_ns // 10**9), "end": str(self.minute_ns // 10**9 + 60)}
        answer = requests.get(f"{self.stack.page_url}{route}", params=span | parameters, timeout=60)
        assert answer.status_code == 200, answer.text[:500]
        assert len(answer.content) < MOST_ANSWER_BYTES
        return answer.json()


@pytest.fixture
def careless(stack: Stack, ledger: Ledger) -> Careless:
    return Careless(stack, ledger)


def test_made_up_levels(
    stack: Stack, careless: Careless, neighbours: MakeNeighbours, within_memory: Within, ledger: Ledger
) -> None:
    evil, quiet = careless.node("evil"), careless.node("quiet")
    levels = [f"level-{number:06d}-".ljust(90, "x") for number in range(40_000)]
    with (
        within_memory("writer"),
        within_memory("query"),
        within_memory("stream"),
        neighbours(),
        Viewer(f"{stack.page_url}/stream?node={quiet}&recent=0") as viewer,
    ):
        viewer.wait("counts", lambda seen: bool(seen.named("counts")))
        careless.push([careless.batch(quiet, ["error", "audit", "info"])])
        careless.push(
            [
                careless.batch(evil, [*levels[at : at + LEVELS_OF_BATCH], "error"])
                for at in range(0, len(levels), LEVELS_OF_BATCH)
            ]
        )
        careless.wait_stored()
        rows = careless.wait_counted()
        assert sum(node == evil for node, *_ in rows) <= MOST_OF_NODE
        assert sum(count for node, *_, count in rows if node in (evil, quiet)) == careless.records
        assert {(quiet, "error", 17, 1), (quiet, "audit", 0, 1), (quiet, "info", 9, 1)} <= set(rows)

        # The counts answer for everybody else, and for whom they don't know the records do.
        histogram = careless.get("/api/logs/histogram", bucket="1m", node=quiet)
        assert (histogram["source"], histogram["total"]) == ("counts", 3)
        histogram = careless.get("/api/logs/histogram", bucket="1m", level="error", node=f"{evil},{quiet}")
        assert (histogram["source"], histogram["total"]) == ("counts", 1 + len(levels) // LEVELS_OF_BATCH)
        histogram = careless.get("/api/logs/histogram", bucket="1m", node=evil)
        assert (histogram["source"], histogram["total"]) == ("counts", careless.records - 3)
        assert histogram["unnamed"] >= len(levels) - MOST_OF_NODE
        histogram = careless.get("/api/logs/histogram", bucket="1m", level=f"{levels[777]},audit")
        assert (histogram["complete"], histogram["total"]) == (True, 2)
        facets = careless.get("/api/logs/facets", top="1000", node=evil)
        assert (facets["levels"]["over"], facets["levels"]["total"]) == ("all", careless.records - 3)
        assert facets["levels"]["unnamed"] >= len(levels) - MOST_OF_NODE
        records = careless.get("/api/logs", level=levels[777])["records"]
        assert [record["level"] for record in records] == [levels[777]]
        assert len(requests.get(f"{stack.page_url}/api/stats", timeout=60).content) < MOST_ANSWER_BYTES

        viewer.wait("a second of made-up levels", lambda seen: any(_others(event.json()) for event in seen.named("counts")))
    for event in viewer.named("counts"):
        assert len(event.data) < MOST_EVENT_BYTES
        assert len(event.json()["by_level"]) <= 20
    distinct = careless.sql(f"SELECT count(DISTINCT level) FROM logs WHERE {careless.mine}")[0][0]
    assert distinct == len(levels) + len({"error", "audit", "info"})


def _others(counts: dict[str, Any]) -> bool:
    return int(counts["other"]["levels"]) > 0


def test_made_up_nodes(careless: Careless, neighbours: MakeNeighbours, within_memory: Within, ledger: Ledger) -> None:
    evil, quiet = careless.node("evil"), careless.node("quiet")
    with within_memory("writer"), within_memory("query"), within_memory("stream"), neighbours():
        careless.push([careless.batch(quiet, ["info", "error", "audit"] * 3)])
        careless.push([careless.batch(f"{evil}-{number:06d}", ["info", "made-up"]) for number in range(6_000)])
        careless.wait_stored()
        rows = [row for row in careless.wait_counted() if not row[0].startswith(ledger.run)]
        assert len(rows) <= MOST_NAMES
        assert sum(count for *_, count in rows) >= careless.records
        assert {(quiet, level, severity, 3) for level, severity in (("info", 9), ("error", 17), ("audit", 0))} <= set(rows)

        histogram = careless.get("/api/logs/histogram", bucket="1m", level="error")
        assert histogram["source"] == "counts"
        histogram = careless.get("/api/logs/histogram", bucket="1m", node=f"{evil}-*")
        assert (histogram["complete"], histogram["total"]) == (True, careless.records - 9)
        histogram = careless.get("/api/logs/histogram", bucket="1m", node=quiet)
        assert (histogram["complete"], histogram["total"]) == (True, 9)
        records = careless.get("/api/logs", node=f"{evil}-005999")["records"]
        assert {record["level"] for record in records} == {"info", "made-up"}
        facets = careless.get("/api/logs/facets", top="1")
        assert facets["nodes"]["over"] == "all"
        assert facets["nodes"]["total"] >= careless.records
        assert facets["nodes"]["unnamed"] >= 2 * (6_000 - MOST_NAMES)
