"""RabbitMQ and TimescaleDB go away in mid-load and come back: nothing accepted is lost, nothing is stored twice."""

import signal
from collections.abc import Callable

import grpc
import psycopg
import pytest
from google.rpc import error_details_pb2, status_pb2
from harness import wire
from harness.ledger import Ledger
from harness.load import SOME, Load
from harness.metrics import total
from harness.senders import channel, make_batch
from harness.stack import Stack
from harness.verdict import Verdict

Demand = Callable[[], Verdict]
BROKER_CONNECTIONS = "logstream_gateway_broker_connections_total"
DATABASE_FAILURES = "logstream_writer_database_failures_total"
DETAILS = "grpc-status-details-bin"


def refused_for_now(stack: Stack) -> None:
    """A Push must be answered UNAVAILABLE with RetryInfo, not with its caller's own deadline."""
    with channel(stack.gateway) as opened, pytest.raises(grpc.RpcError) as refused:
        opened.unary_unary(wire.PUSH)(make_batch("nobody", ["never accepted"]).raw, timeout=5)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE, refused.value
    trailers = {entry.key: entry.value for entry in refused.value.trailing_metadata() or ()}
    assert DETAILS in trailers, f"no details beside {refused.value.details()!r}"
    details = status_pb2.Status.FromString(trailers[DETAILS]).details
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in details), f"no RetryInfo in {details}"
    assert retry.retry_delay.ToNanoseconds() > 0


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_rabbitmq_restarted_in_mid_load(stack: Stack, load: Load, demand: Demand, how: str) -> None:
    before = total(stack.metrics("gateway"), BROKER_CONNECTIONS)
    if how == "stopped":
        stack.stop("rabbitmq")
        refused_for_now(stack)
        stack.start("rabbitmq")
    else:
        stack.kill("rabbitmq", signal.SIGKILL)
    load.wait_accepted("after the restart")
    load.finish()
    demand()
    assert total(stack.metrics("gateway"), BROKER_CONNECTIONS) > before, "the gateway lost no connection: nothing is proven"


def count_dead_letters(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select count(*) from dead_letters").fetchone()
        assert row
        return int(row[0])


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_timescaledb_restarted_in_mid_load(stack: Stack, load: Load, ledger: Ledger, demand: Demand, how: str) -> None:
    before = count_dead_letters(stack.database_url)
    failures = total(stack.metrics("writer"), DATABASE_FAILURES)
    if how == "stopped":
        stack.stop("timescaledb")
        load.wait_accepted("while the database is away", 2 * SOME)
        stack.start("timescaledb")
    else:
        stack.kill("timescaledb", signal.SIGKILL)
    load.wait_accepted("after the restart")
    load.finish()
    demand()
    assert total(stack.metrics("writer"), DATABASE_FAILURES) > failures, "the writer noticed nothing: nothing is proven"
    assert not ledger.retries, "senders were not to notice"
    assert count_dead_letters(stack.database_url) == before, "an outage blames no record"
