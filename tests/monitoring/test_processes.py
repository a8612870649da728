"""A service of several processes shows their metrics as one, also when each of them has died once."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg
import pytest
import requests
from harness.history import get
from harness.ledger import Ledger
from harness.metrics import total
from harness.senders import Sender
from harness.stack import Stack
from harness.waiting import wait_for

PROCESSES = 2
CALLS = 12
MORE_CALLS = 5


@pytest.fixture(autouse=True)
def whole_again(stack: Stack) -> Iterator[None]:
    if not stack.shares_loopback:
        pytest.skip("processes within a container are not reached from here")
    yield
    stack.restore()


def children(stack: Stack, service: str) -> set[int]:
    """The process ids of the service's workers."""
    return {child.pid for child in psutil.Process(stack.pid(service)).children()}


def replace_all(stack: Stack, service: str) -> None:
    """Kills the workers one after the other, each when the one before was replaced."""
    for pid in sorted(children(stack, service)):
        psutil.Process(pid).send_signal(signal.SIGKILL)
        wait_for(
            f"a worker of {service} in place of {pid}",
            lambda: children(stack, service),
            lambda found, gone=pid: gone not in found and len(found) == PROCESSES,  # type: ignore[misc]
            tolerate=(psutil.NoSuchProcess,),
        )


def push_each(stack: Stack, records: int) -> None:
    """As many batches of one record, each over a connection of its own."""
    ledger = Ledger("processes")
    for number in range(records):
        sender = Sender(stack.gateway, ledger, f"sender-{number}")
        sender.push(sender.batch(1))
        sender.close()
    assert ledger.accepted_count() == records


def figures(stack: Stack, service: str, *names: str) -> Callable[[], dict[str, float]]:
    def read() -> dict[str, float]:
        found = stack.metrics(service)
        return {name: total(found, name) for name in names}

    return read


def test_a_gateway_adds_up_its_processes_and_those_that_died(stack: Stack) -> None:
    with stack.environment("gateway", {"LOGSTREAM_GATEWAY_PROCESSES": str(PROCESSES)}):
        ready = figures(stack, "gateway", "logstream_gateway_broker_ready")
        read = figures(
            stack,
            "gateway",
            "logstream_gateway_accepted_records_total",
            "logstream_gateway_published_messages_total",
            "logstream_gateway_confirm_seconds_count",
        )
        wait_for("both processes to be ready", ready, lambda found: set(found.values()) == {PROCESSES})
        push_each(stack, CALLS)
        assert set(read().values()) == {CALLS}
        replace_all(stack, "gateway")
        assert set(read().values()) == {CALLS}, "what the dead have counted stays"
        push_each(stack, MORE_CALLS)
        assert set(read().values()) == {CALLS + MORE_CALLS}
        # One new process at least has answered, so with the dead it would be more already.
        wait_for("the new processes alone to be ready", ready, lambda found: set(found.values()) == {PROCESSES})


def test_query_adds_up_its_processes_and_those_that_died(stack: Stack) -> None:
    with stack.environment("query", {"LOGSTREAM_QUERY_PROCESSES": str(PROCESSES)}):
        base = stack.admin_url("query")
        answered = 'logstream_query_requests_total{method="GET",route="/api/logs",status="200"}'
        timed = 'logstream_query_request_seconds_count{route="/api/logs"}'
        used = figures(stack, "query", "logstream_query_pool_used_connections")
        for _ in range(CALLS):
            assert get(f"{base}/api/logs?limit=1").status_code == 200
        before = stack.metrics("query")
        assert (before[answered], before[timed]) == (CALLS, CALLS)
        with ThreadPoolExecutor() as pool, psycopg.connect(stack.superuser_url) as blocker:
            # A request that is under way when its process is killed.
            blocker.execute("lock table logs in access exclusive mode")
            asked = pool.submit(get, f"{base}/api/logs?limit=1")
            wait_for("a request that holds a connection", used, lambda found: set(found.values()) == {1})
            replace_all(stack, "query")
            with pytest.raises(requests.ConnectionError):
                asked.result()
        stack.wait_ready("query")
        after = stack.metrics("query")
        assert (after[answered], after[timed]) == (CALLS, CALLS), "what the dead have counted stays"
        assert set(used().values()) == {0}, "what the dead have held is gone"
