"""What the gateway publishes, and what it answers."""

import threading
import time

import grpc
from logstream_contract.wire.pb.logger_pb2 import LogRequest
from logstream_contract.wire.pb.logs_pb2 import LogBatch
from pika.adapters.blocking_connection import BlockingChannel

from .gateway_process import WAIT_S, Gateway, batch, fetch, gateway, refused


def test_a_pushed_batch_is_published_as_it_came(running: Gateway, broker: BlockingChannel) -> None:
    raw = batch("a", "b") + b"\xa0\x06\x01"  # a field of a later release: kept
    before = time.time_ns()
    answer = running.push(raw)
    assert (answer.batch_id, answer.accepted) == (LogBatch.FromString(raw).batch_id, 2)
    headers, raws = fetch(broker)
    assert raws == [raw]
    assert before <= headers.pop("received") <= time.time_ns()
    assert headers == {"records": 2, "project": "default"}


def test_single_records_share_a_batch_a_node(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_COALESCE_MS="400", LOGSTREAM_LEGACY_TIMEZONE="Asia/Seoul") as slow:
        calls = [("a", "1", "2024-08-06 18:51:32:5132"), ("b", "2", "2024-08-06T18:51:32Z"), ("a", "3", "no time")]
        threads = [threading.Thread(target=slow.send_log, args=call) for call in calls]
        for thread in threads:
            thread.start()
        headers, raws = fetch(broker)
        for thread in threads:
            thread.join()
    batches = {batch.node: batch for batch in map(LogBatch.FromString, raws)}
    assert headers["records"] == 3
    by_message = {record.message: record for batch in batches.values() for record in batch.records}
    assert {node: len(batch.records) for node, batch in batches.items()} == {"a": 2, "b": 1}
    assert by_message["1"].time_unix_nano == 1_722_937_892_513_000_000
    assert by_message["2"].time_unix_nano == 1_722_970_292_000_000_000
    assert by_message["3"].time_unix_nano == 0
    assert by_message["3"].original_timestamp == "no time"
    assert [not record.attributes for record in by_message.values()] == [True] * 3


def test_a_caller_who_leaves_takes_nobody_along(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_COALESCE_MS="300") as slow:
        staying = threading.Thread(target=slow.send_log, args=("a", "stays"))
        staying.start()
        leaving = slow._send_log.future(LogRequest(node="a", message="leaves"), timeout=WAIT_S)
        time.sleep(0.1)
        leaving.cancel()
        _, raws = fetch(broker)
        staying.join()
    assert sorted(record.message for raw in raws for record in LogBatch.FromString(raw).records) == ["leaves", "stays"]


def test_a_stream_answers_in_order_and_ends_at_a_bad_batch(running: Gateway, broker: BlockingChannel) -> None:
    good = [batch(f"{number}") for number in range(50)]
    assert [answer.batch_id for answer in running.stream(good)] == [LogBatch.FromString(raw).batch_id for raw in good]
    assert [fetch(broker)[1] for _ in good] == [[raw] for raw in good]

    answers = running.stream([good[0], batch("x", node=""), good[1]])
    assert next(answers).accepted == 1
    error = refused(lambda: next(answers))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "node: empty" in error.details()
