"""Services are killed with SIGKILL, or asked to stop, in mid-load: the store still holds every accepted record once."""

import random
import signal
import time
from collections.abc import Callable
from functools import partial

from harness.ledger import Ledger
from harness.load import Load
from harness.metrics import total
from harness.stack import Stack
from harness.verdict import Verdict
from harness.waiting import wait_for

Demand = Callable[[], Verdict]
KILLS = 5


def stored_by(stack: Stack, writer: int) -> float:
    return total(stack.metrics("writer", writer), "logstream_writer_stored_records_total")


def test_writer_killed_in_mid_load(stack: Stack, load: Load, demand: Demand, chance: random.Random) -> None:
    redelivered = 0.0
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.3))  # so that kills fall into all parts of a flush
        stack.kill("writer", signal.SIGKILL)
        stack.wait_ready("writer")
        load.wait_accepted("after the kill")
        redelivered += total(stack.metrics("writer"), "logstream_writer_redelivered_messages_total")
    load.finish()
    demand()
    print(f"messages redelivered: {redelivered:.0f}")


def test_one_of_two_writers_killed(stack: Stack, load: Load, demand: Demand) -> None:
    stack.scale("writer", 2)
    load.wait_accepted("with two writers")
    stack.kill("writer", signal.SIGKILL, replica=2)
    load.wait_accepted("after the kill")
    load.finish()
    demand()


def test_writers_are_added_and_taken_away_in_mid_load(stack: Stack, load: Load, demand: Demand) -> None:
    stack.scale("writer", 3)
    load.wait_accepted("with three writers")
    for replica in (1, 2, 3):
        wait_for(f"records stored by writer {replica}", partial(stored_by, stack, replica))
    stack.scale("writer", 1)
    load.wait_accepted("with one writer again")
    load.finish()
    demand()


def test_gateway_killed_in_mid_load(stack: Stack, load: Load, ledger: Ledger, demand: Demand, chance: random.Random) -> None:
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.3))
        stack.kill("gateway", signal.SIGKILL)
        load.wait_accepted("after the kill")
    load.finish()
    demand()
    assert ledger.retries, "no call was cut off: the test proves nothing"


def test_gateway_restarted_in_mid_load(stack: Stack, load: Load, demand: Demand) -> None:
    stack.stop("gateway")
    stack.start("gateway")
    load.wait_accepted("after the restart")
    load.finish()
    demand()


def test_a_writer_that_is_asked_to_stop_leaves_nothing_behind(
    stack: Stack, load: Load, ledger: Ledger, demand: Demand
) -> None:
    stack.stop("writer")  # by SIGTERM
    load.wait_accepted("while no writer runs")
    stack.start("writer")
    load.wait_accepted("after the restart")
    load.finish()
    demand()
    # The counters are those of the second writer: what it was given had not been stored by the first.
    assert not ledger.retries, "a batch sent twice would look like one delivered twice"
    assert total(stack.metrics("writer"), "logstream_writer_duplicate_batches_total") == 0
