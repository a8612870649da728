"""A client that knows nothing but the address, as grpcurl: it learns the messages from the server's reflection."""

from typing import Any

import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from harness import wire
from harness.ledger import Ledger
from harness.senders import channel, new_batch_id, seed_timestamp
from harness.stack import Stack
from harness.verdict import settle


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Any:
    with channel(stack.gateway) as opened:
        yield opened


def test_it_lists_the_services(gateway: Any) -> None:
    listed = set(ProtoReflectionDescriptorDatabase(gateway).get_services())
    expected = {
        "LoggerService.Logger",
        "logstream.v1.LogIngest",
        "opentelemetry.proto.collector.logs.v1.LogsService",
        "grpc.health.v1.Health",
    }
    assert expected <= listed, f"missing {expected - listed}"


def test_calls_made_from_reflection_alone(stack: Stack, gateway: Any) -> None:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(gateway))
    told = wire.wire_of(pool)
    methods = {
        method.name: (f"/{service.full_name}/{method.name}", method)
        for service in map(pool.FindServiceByName, ("LoggerService.Logger", "logstream.v1.LogIngest"))
        for method in service.methods
    }
    assert set(methods) == {"SendLog", "Push", "PushStream"}
    ledger = Ledger("reflection")
    node = ledger.node("grpcurl")
    path, _ = methods["SendLog"]
    request = told.LogRequest(node=node, timestamp=seed_timestamp(), level="info", message=f"{node} one")
    answer = gateway.unary_unary(path, response_deserializer=told.LogResponse.FromString)(
        request.SerializeToString(), timeout=30
    )
    assert answer.success is True
    ledger.accept([f"{node} one"])
    path, _ = methods["Push"]
    batch_id = new_batch_id()
    messages = [f"{node} two", f"{node} three"]
    batch = told.LogBatch(batch_id=batch_id, node=node, records=[told.LogRecord(level="warn", message=m) for m in messages])
    result = gateway.unary_unary(path, response_deserializer=told.PushResult.FromString)(
        batch.SerializeToString(), timeout=30
    )
    assert (result.batch_id, result.accepted) == (batch_id, 2)
    ledger.accept(messages)
    settle(stack.database_url, ledger, stack.unsettled).demand()
