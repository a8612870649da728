"""The ledger's verdict on a run, by SQL: every record that was answered is stored, once; no record is stored twice. It must
not ask the services."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from bench.batches import MARK_CHARACTERS
from bench.producer import Account

# What a node has stored of each of its batches. The mark at the end of a message names batch and record.
_STORED = f"""
SELECT left(mark, 8)::int, count(*), count(DISTINCT mark)
FROM (SELECT right(message, {MARK_CHARACTERS - 1}) COLLATE "C" AS mark FROM logs WHERE node = %s) AS marks
GROUP BY 1
"""


@dataclass
class Verdict:
    sent: int = 0
    acked: int = 0
    stored: int = 0  # distinct
    lost: int = 0  # acked and not stored
    duplicated: int = 0  # rows beyond the first of a record
    strangers: int = 0  # stored and never sent
    refused: list[str] = field(default_factory=list)

    @property
    def void(self) -> str:
        """Why the run proves nothing, or nothing."""
        wrong = [f"{name} {getattr(self, name)}" for name in ("lost", "duplicated", "strangers") if getattr(self, name)]
        if not self.acked:
            wrong.append("nothing was acked")
        if self.refused:
            wrong.append(f"answers that no sender expects, such as {self.refused[0]!r}")
        return ", ".join(wrong)


def judge(database_url: str, accounts: Sequence[Account]) -> Verdict:
    verdict = Verdict()
    with psycopg.connect(database_url, application_name="logstream-bench") as connection:
        connection.execute("SET work_mem = '512MB'")
        for account in accounts:
            stored = {batch: (rows, distinct) for batch, rows, distinct in connection.execute(_STORED, [account.node])}
            verdict.refused += account.refused
            for batch, answered_ns in enumerate(account.answered_ns):
                rows, distinct = stored.pop(batch, (0, 0))
                verdict.sent += account.records
                verdict.stored += distinct
                verdict.duplicated += rows - distinct
                if answered_ns:
                    verdict.acked += account.records
                    verdict.lost += account.records - distinct
            verdict.strangers += sum(rows for rows, _ in stored.values())
    return verdict
