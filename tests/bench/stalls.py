"""What `stall` breaks while records come in, and what must hold all the same."""

import time
from typing import Final

from harness.services import DATABASE
from harness.stack import Stack

from bench.figures import peak_rss
from bench.run import Outcome

_MIB: Final = 2**20
_BLOCK_AT_S, _BLOCKED_S = 5.0, 10.0
_DOWN_AT_S, _DOWN_S = 25.0, 30.0
# Buffers that are full in a stall: the settings' defaults, in MiB.
_GATEWAY_BUFFERS_MIB: Final = 128
_WRITER_BUFFERS_MIB: Final = 256 + 64
# A process of each with its libraries, and a flush being decoded and encoded.
_PROCESS_MIB: Final = 128


class Stalls:
    """Blocks the broker for 10 s, then stops the database for 30 s."""

    budgets_mib: Final = {
        "gateway": _GATEWAY_BUFFERS_MIB + _PROCESS_MIB,
        "writer": _WRITER_BUFFERS_MIB + _PROCESS_MIB,
    }

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._blocked = self._down = (0.0, 0.0)

    def run(self, began_s: float) -> None:
        """Blocks until both are over and the database is back."""
        _sleep_until(began_s + _BLOCK_AT_S)
        with self._stack.blocked_broker():
            since = time.time()
            time.sleep(_BLOCKED_S)
            self._blocked = since, time.time()
        _sleep_until(began_s + _DOWN_AT_S)
        self._stack.stop(DATABASE)
        since = time.time()
        time.sleep(_DOWN_S)
        self._down = since, time.time()
        self._stack.start(DATABASE)

    def acked_while_down(self, outcome: Outcome) -> int:
        """Records acked while the database was away."""
        return self._acked(outcome, *self._down)

    def problems(self, outcome: Outcome) -> str:
        wrong = []
        unavailable = sum(account.statuses.get("UNAVAILABLE", 0) for account in outcome.accounts)
        if not unavailable:
            wrong.append("no caller was told UNAVAILABLE while the broker was blocked")
        if not self.acked_while_down(outcome):
            wrong.append("nothing was acked while the database was down")
        for program, budget_mib in self.budgets_mib.items():
            peak = peak_rss(outcome, program)
            if peak > budget_mib * _MIB:
                wrong.append(f"{program}: {peak / _MIB:.0f} MiB, expected at most {budget_mib}")
        return ", ".join(wrong)

    @staticmethod
    def _acked(outcome: Outcome, since_s: float, until_s: float) -> int:
        # The first second still answers what was under way.
        return sum(
            account.records
            for account in outcome.accounts
            for answered_ns in account.answered_ns
            if since_s + 1 <= answered_ns / 1e9 <= until_s
        )


def _sleep_until(moment_s: float) -> None:
    time.sleep(max(0.0, moment_s - time.time()))
