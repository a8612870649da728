"""The verdict: what the store holds of a run, held against its ledger by SQL. Lost and duplicated are told apart; it must
not ask the services."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from harness.ledger import Ledger
from harness.waiting import GENEROUS_S, wait_for

STORED = "select message, count(*) from logs where node = any(%s) group by message"


@dataclass(frozen=True)
class Verdict:
    accepted: int
    unanswered: int
    stored: int  # distinct records
    lost: list[str]  # accepted, not stored
    duplicated: dict[str, int]  # stored more than once, and how often
    strangers: list[str]  # stored, neither accepted nor unanswered
    refusals: list[str]

    def demand(self) -> None:
        """Asserts each of the promises for itself, and prints the figures."""
        print(f"accepted {self.accepted}, unanswered {self.unanswered}, stored {self.stored},"
              f" lost {len(self.lost)}, duplicated {len(self.duplicated)}")  # fmt: skip
        assert self.accepted, "nothing was accepted: the test proves nothing"
        assert not self.refusals, f"answers no sender expects: {self.refusals[:5]}"
        assert not self.lost, f"{len(self.lost)} of {self.accepted} accepted records lost, such as {self.lost[:5]}"
        shown = dict(list(self.duplicated.items())[:5])
        assert not self.duplicated, f"{len(self.duplicated)} records stored more than once, such as {shown}"
        assert not self.strangers, f"stored but never sent: {self.strangers[:5]}"


def read_stored(database_url: str, nodes: list[str]) -> dict[str, int]:
    """How often each message of these nodes is stored. Raises psycopg.OperationalError."""
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        return dict(connection.execute(STORED, [nodes]).fetchall())


def count_stored(database_url: str, nodes: list[str]) -> int:
    """How many rows these nodes have. Raises psycopg.OperationalError."""
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        row = connection.execute("select count(*) from logs where node = any(%s)", [nodes]).fetchone()
        return int(row[0]) if row else 0


def judge(database_url: str, ledger: Ledger) -> Verdict:
    stored = read_stored(database_url, ledger.nodes)
    accepted, unanswered = ledger.accepted, ledger.unanswered
    return Verdict(
        accepted=len(accepted),
        unanswered=len(unanswered),
        stored=len(stored),
        lost=sorted(accepted - stored.keys()),
        duplicated={message: count for message, count in stored.items() if count > 1},
        strangers=sorted(stored.keys() - accepted - unanswered),
        refusals=list(ledger.refusals),
    )


def settle(database_url: str, ledger: Ledger, unsettled: Callable[[], int], timeout_s: float = GENEROUS_S) -> Verdict:
    """Waits until every accepted record is stored and nothing is under way any more, then judges.

    unsettled counts the messages still in the broker. A wait that ends in vain is not an error here: the verdict tells.
    """
    try:
        wait_for(
            "all accepted records to be stored",
            lambda: len(judge(database_url, ledger).lost),
            lambda lost: not lost,
            timeout_s=timeout_s,
            tolerate=(psycopg.OperationalError,),
            pause_s=0.5,
        )
        wait_for("the write queue to be empty", unsettled, lambda left: left == 0, timeout_s=timeout_s)
    except AssertionError as late:
        print(late)
    return judge(database_url, ledger)


def demand_shown_once(shown: Iterable[Mapping[str, Any]], ledger: Ledger) -> None:
    """Asserts that viewers were shown every accepted record, and none twice."""
    counts = Counter(record["message"] for record in shown)
    missing = sorted(ledger.accepted - counts.keys())
    twice = {message: count for message, count in counts.items() if count > 1}
    assert not missing, f"{len(missing)} of {len(ledger.accepted)} accepted records never shown, such as {missing[:5]}"
    assert not twice, f"{len(twice)} records shown more than once, such as {list(twice.items())[:5]}"
