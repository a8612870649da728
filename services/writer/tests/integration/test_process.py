"""The writer as a process, between a real broker, database and Redis."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pika
import psycopg
import pytest
import requests
from harness.fault_proxy import FaultProxy
from logstream_contract.wire import topology
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_contract.wire.pb.transport_pb2 import LiveBatches
from logstream_writer.gathering import PARKED_AFTER
from pika.adapters.blocking_connection import BlockingChannel

WAIT_S = 60
INNOCENT = 40
KILLS = 15
# What a fault of a library in C, or a lack of memory, does to a writer that decodes this message.
DEADLY, STATUS = "deadly", 9
DIES = (
    "-c",
    f"""
import os, runpy
from logstream_writer import inbound

def split_batch(raw, real=inbound.split_batch):
    return os._exit({STATUS}) if b"{DEADLY}" in raw else real(raw)

inbound.split_batch = split_batch
runpy.run_module("logstream_writer", run_name="__main__")
""",
)


def wait(what: str, ready: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not ready():
        assert time.monotonic() < until, f"waited {WAIT_S} s for {what}"
        time.sleep(0.05)


def raw(message: str) -> bytes:
    return LogBatch(batch_id=uuid.uuid4().bytes, node="orders", records=[LogRecord(message=message)]).SerializeToString()


@pytest.fixture
def channel(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    parameters = pika.URLParameters(rabbitmq_url)
    # Tests wait for something else for longer than a heartbeat may be late.
    parameters.heartbeat = 0
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.queue_declare(topology.WRITE_QUEUE, durable=True, arguments=topology.WRITE_QUEUE_ARGUMENTS)
    channel.exchange_declare(topology.LIVE_EXCHANGE, topology.LIVE_EXCHANGE_TYPE, durable=True)
    channel.confirm_delivery()
    yield channel
    connection.close()


@pytest.fixture
def environment(database_url: str, rabbitmq_url: str, redis_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "LOGSTREAM_DATABASE_URL": database_url,
        "LOGSTREAM_RABBITMQ_URL": rabbitmq_url,
        "LOGSTREAM_REDIS_URL": redis_url,
        "LOGSTREAM_ADMIN_LISTEN": "127.0.0.1:0",
    }


@contextmanager
def writer(
    environment: dict[str, str], command: Sequence[str] = ("-m", "logstream_writer")
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, *command], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """So that what was stored is acknowledged, too, and nothing is left for the next test."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 0


def publish(channel: BlockingChannel, body: bytes, **headers: object) -> None:
    everything = {topology.HEADER_RECEIVED: time.time_ns(), topology.HEADER_RECORDS: 1, topology.HEADER_PROJECT: "default"}
    properties = pika.BasicProperties(headers={**everything, **headers}, delivery_mode=2)
    channel.basic_publish("", topology.WRITE_QUEUE, body, properties, mandatory=True)


def left(channel: BlockingChannel) -> int:
    declared = channel.queue_declare(topology.WRITE_QUEUE, passive=True)
    return int(declared.method.message_count)


def scalar(database: psycopg.Connection[Any], query: str) -> Any:
    row = database.execute(query).fetchone()
    return row[0] if row else None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def metric(admin: str, name: str) -> float:
    """The writer's metric, 0 while it does not answer yet."""
    try:
        text = requests.get(f"http://{admin}/metrics", timeout=WAIT_S).text
    except requests.ConnectionError:
        return 0
    line = next(line for line in text.splitlines() if line.startswith(f"logstream_writer_{name} "))
    return float(line.split()[1])


def test_stored_announced_acknowledged_and_stopped(
    environment: dict[str, str], channel: BlockingChannel, database: psycopg.Connection[Any]
) -> None:
    heard = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(heard, topology.LIVE_EXCHANGE)
    with writer(environment) as process:
        for number in range(20):
            publish(channel, Packer(1).frame(raw(f"{number}")))
        publish(channel, b"junk")
        wait("20 rows", lambda: scalar(database, "SELECT count(*) FROM logs") == 20)
        wait("the dead letter", lambda: scalar(database, "SELECT reason FROM dead_letters") == "undecodable")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    assert left(channel) == 0

    positions = []
    while True:
        _, _, body = channel.basic_get(heard, auto_ack=True)
        if body is None:
            break
        message = LiveBatches.FromString(body)
        assert message.epoch or not message.batches
        positions += [batch.position for batch in message.batches]
    assert positions == list(range(positions[0], positions[0] + 20))


def test_a_message_that_kills_its_writers_is_parked_alone(
    environment: dict[str, str], channel: BlockingChannel, database: psycopg.Connection[Any]
) -> None:
    """Its neighbours are stored before it is: at first one by one up to it, then all."""
    deadly = Packer(1).frame(raw(DEADLY))
    for number in range(INNOCENT):
        if number == INNOCENT // 2:
            publish(channel, deadly)
        publish(channel, Packer(1).frame(raw(f"{number}")))
    for stored in [0, INNOCENT // 2, *[INNOCENT] * (PARKED_AFTER - 1)]:
        with writer(environment, DIES) as process:
            assert process.wait(WAIT_S) == STATUS
        assert scalar(database, "SELECT count(*) FROM logs") == stored
        assert scalar(database, "SELECT count(*) FROM dead_letters") == 0
    with writer(environment, DIES) as process:
        wait("the dead letter", lambda: scalar(database, "SELECT count(*) FROM dead_letters") == 1)
        stop(process)
    assert database.execute("SELECT reason, body FROM dead_letters").fetchall() == [("parked", deadly)]
    assert scalar(database, "SELECT count(*) FROM logs") == INNOCENT
    assert left(channel) == 0


def test_what_was_handed_out_and_not_begun_is_not_suspected(
    environment: dict[str, str], channel: BlockingChannel, database: psycopg.Connection[Any]
) -> None:
    """A flush of two records: the message that kills is in the second one, and what lies behind it was never begun."""
    small = {**environment, "LOGSTREAM_WRITER_FLUSH_RECORDS": "2", "LOGSTREAM_WRITER_FLUSH_MS": "10000"}
    for number in range(INNOCENT):
        publish(channel, Packer(1).frame(raw(DEADLY if number == 2 else f"{number}")))
    with writer(small, DIES) as process:
        assert process.wait(WAIT_S) == STATUS
    assert scalar(database, "SELECT cardinality(messages) FROM flushes_under_way") == 2
    assert scalar(database, "SELECT count(*) FROM logs") == 2
    with writer({**small, "LOGSTREAM_WRITER_FLUSH_RECORDS": "1000"}, DIES) as process:
        assert process.wait(WAIT_S) == STATUS
    died = "SELECT cardinality(messages) FROM flushes_under_way ORDER BY begun_at"
    assert database.execute(died).fetchall() == [(2,), (1,)]
    # All but these two: the other one is behind it among those that are flushed one by one.
    assert scalar(database, "SELECT count(*) FROM logs") == INNOCENT - 2
    channel.queue_purge(topology.WRITE_QUEUE)


def test_writers_killed_at_random_park_nothing(
    environment: dict[str, str], channel: BlockingChannel, database: psycopg.Connection[Any], seed: int
) -> None:
    chance = random.Random(seed)
    sent = 0
    for _ in range(KILLS):
        for _ in range(INNOCENT):
            publish(channel, Packer(1).frame(raw(f"{sent}")))
            sent += 1
        stored = int(scalar(database, "SELECT count(*) FROM logs"))
        with writer(environment) as process:
            wait("a writer at work", lambda stored=stored: scalar(database, "SELECT count(*) FROM logs") > stored)  # type: ignore[misc]
            # So that kills fall into all parts of a flush.
            time.sleep(chance.uniform(0, 0.05))
            process.kill()
    admin = f"127.0.0.1:{free_port()}"
    with writer({**environment, "LOGSTREAM_ADMIN_LISTEN": admin}) as process:
        wait("every record", lambda: scalar(database, "SELECT count(*) FROM logs") == sent)
        wait("the last writer to consume", lambda: metric(admin, "consuming") == 1)
        stop(process)
    assert scalar(database, "SELECT count(DISTINCT message) FROM logs") == sent
    assert scalar(database, "SELECT count(*) FROM dead_letters") == 0


def test_a_deleted_queue_is_declared_and_consumed_again(
    environment: dict[str, str], channel: BlockingChannel, database: psycopg.Connection[Any]
) -> None:
    with writer(environment) as process:
        publish(channel, Packer(1).frame(raw("before")))
        wait("the first row", lambda: scalar(database, "SELECT count(*) FROM logs") == 1)
        channel.queue_delete(topology.WRITE_QUEUE)
        channel.queue_declare(topology.WRITE_QUEUE, durable=True, arguments=topology.WRITE_QUEUE_ARGUMENTS)
        publish(channel, Packer(1).frame(raw("after")))
        wait("the second row", lambda: scalar(database, "SELECT count(*) FROM logs") == 2)
        stop(process)


def test_a_stop_while_the_database_is_away_gives_the_messages_back(
    environment: dict[str, str], channel: BlockingChannel, database: psycopg.Connection[Any]
) -> None:
    database.execute("ALTER TABLE logs RENAME TO logs_away")
    try:
        with writer({**environment, "LOGSTREAM_SHUTDOWN_S": "1"}) as process:
            publish(channel, Packer(1).frame(raw("held")))
            wait("the message to be taken", lambda: left(channel) == 0)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 1
    finally:
        database.execute("ALTER TABLE logs_away RENAME TO logs")
    wait("the message to be back", lambda: left(channel) == 1)
    with writer(environment) as process:
        wait("the row", lambda: scalar(database, "SELECT message FROM logs") == "held")
        stop(process)
    assert scalar(database, "SELECT count(*) FROM dead_letters") == 0


def test_connections_that_break_while_the_database_is_away_park_nothing(
    environment: dict[str, str], rabbitmq_url: str, channel: BlockingChannel, database: psycopg.Connection[Any]
) -> None:
    parameters = pika.URLParameters(rabbitmq_url)
    address = f"{parameters.host}:{parameters.port}"
    database.execute("ALTER TABLE logs RENAME TO logs_away")
    try:
        with FaultProxy(parameters.host, parameters.port) as proxy:
            url = rabbitmq_url.replace(address, f"127.0.0.1:{proxy.port}")
            admin = f"127.0.0.1:{free_port()}"
            with writer({**environment, "LOGSTREAM_RABBITMQ_URL": url, "LOGSTREAM_ADMIN_LISTEN": admin}) as process:
                publish(channel, Packer(1).frame(raw("held")))
                for _ in range(11):
                    wait("the message to be held", lambda: metric(admin, "buffered_messages") == 1)
                    seen = metric(admin, "redelivered_messages_total")
                    proxy.drop()
                    wait("the redelivery", lambda seen=seen: metric(admin, "redelivered_messages_total") > seen)  # type: ignore[misc]
                database.execute("ALTER TABLE logs_away RENAME TO logs")
                wait("the row", lambda: scalar(database, "SELECT message FROM logs") == "held")
                # What was redelivered meanwhile is dealt with before it ends.
                process.send_signal(signal.SIGTERM)
                assert process.wait(WAIT_S) == 0
    finally:
        database.execute("ALTER TABLE IF EXISTS logs_away RENAME TO logs")
    assert left(channel) == 0
    assert scalar(database, "SELECT count(*) FROM dead_letters") == 0


def test_bad_settings_are_named(environment: dict[str, str]) -> None:
    bad = {**environment, "LOGSTREAM_WRITER_FLUSH_MS": "soon", "LOGSTREAM_REDIS_URL": ""}
    done = subprocess.run([sys.executable, "-m", "logstream_writer"], env=bad, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "LOGSTREAM_WRITER_FLUSH_MS='soon'" in done.stderr
    assert "LOGSTREAM_REDIS_URL: missing" in done.stderr


def test_a_running_writer_looks_after_the_storage_unless_it_is_told_not_to(
    environment: dict[str, str], database: psycopg.Connection[Any]
) -> None:
    maintaining = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'logstream-maintenance'"
    count = "INSERT INTO log_counts (bucket, node, level, count) VALUES (now() - interval '1 hour', 'orders', 'info', 1)"
    database.execute(count)
    admin = f"127.0.0.1:{free_port()}"
    with writer({**environment, "LOGSTREAM_ADMIN_LISTEN": admin}) as process:
        wait("the counts to be added up", lambda: scalar(database, "SELECT count(*) FROM log_rollups") == 3)
        assert scalar(database, "SELECT count(*) FROM log_counts") == 0
        wait("the lock", lambda: metric(admin, "maintenance_leading") == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    database.execute(count)
    with writer({**environment, "LOGSTREAM_ADMIN_LISTEN": admin, "LOGSTREAM_WRITER_MAINTENANCE": "false"}) as process:
        wait("consuming", lambda: metric(admin, "consuming") == 1)
        assert scalar(database, f"{maintaining} AND datname = current_database()") == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    assert scalar(database, "SELECT count(*) FROM log_counts") == 1
