"""How long fuzz tests go on. As a program, `make fuzz seconds=600`: runs them again and again, each time with the next seed,
until the time is over or one of them fails."""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SEED_VARIABLE = "LOGSTREAM_TEST_SEED"
STACK_VARIABLE = "LOGSTREAM_TEST_STACK"
# How many times as many examples as usual.
TIMES_VARIABLE = "LOGSTREAM_FUZZ_TIMES"
_TIMES_A_ROUND = 2
# Of pytest: no test was run.
_NOTHING = 5


def examples(usual: int) -> Callable[[Any], Any]:
    """Settings of a fuzz test, which tries so many examples in CI."""
    times = int(os.environ.get(TIMES_VARIABLE) or 1)
    return settings(max_examples=usual * times, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def sample(strategy: st.SearchStrategy[bytes], count: int) -> list[bytes]:
    """So many examples, by the session's seed."""
    found: list[bytes] = []

    @settings(
        max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck), deadline=None
    )
    @given(strategy)
    def collect(example: bytes) -> None:
        found.append(example)

    collect()
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60, help="how long it goes on; the last round is not cut")
    seconds = arguments.parse_args().seconds
    # Those that need servers only where there are some: to start them takes longer than a round.
    which = "fuzz" if os.environ.get(STACK_VARIABLE) else "fuzz and not stack"
    until = time.monotonic() + seconds
    seed = int(os.environ.get(SEED_VARIABLE) or random.randrange(1_000_000))
    rounds = 0
    while rounds == 0 or time.monotonic() < until:
        print(f"round {rounds + 1}: {SEED_VARIABLE}={seed} {TIMES_VARIABLE}={_TIMES_A_ROUND}", flush=True)
        environment = {**os.environ, SEED_VARIABLE: str(seed), TIMES_VARIABLE: str(_TIMES_A_ROUND)}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--timeout=0", "-m", which]
        status = subprocess.run(command, env=environment, check=False).returncode
        if status:
            print("no fuzz tests found" if status == _NOTHING else f"failed with {SEED_VARIABLE}={seed}", file=sys.stderr)
            return status
        rounds += 1
        seed += 1
    print(f"{rounds} rounds, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
