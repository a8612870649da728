"""How a running service treats its viewers: slow ones, too many, and all of them when it ends."""

import signal
import socket
from urllib.parse import urlsplit

import requests
from harness.sse import Parser, Viewer
from harness.waiting import wait_for

from .playing import Replica, Writer, messages
from .test_live import expect


class SlowReader:
    """Asks for the stream and reads nothing until told."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((parts.hostname, parts.port))
        self.socket.sendall(f"GET {parts.path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())

    def read_to_the_end(self) -> bytes:
        """Everything until the service closes."""
        self.socket.settimeout(60)
        read = bytearray()
        try:
            while chunk := self.socket.recv(1 << 20):
                read += chunk
        except ConnectionResetError:
            pass
        return bytes(read)


def test_a_slow_viewer_loses_the_oldest_is_told_and_delays_nobody(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    limits = {"LOGSTREAM_STREAM_QUEUE_RECORDS": "400", "LOGSTREAM_STREAM_QUEUE_BYTES": "500000"}
    with Replica(rabbitmq_url, redis_url, **limits) as replica, Viewer(f"{replica.url}/stream") as brisk:
        brisk.wait("live", lambda seen: bool(seen.named("counts")))
        slow = SlowReader(f"{replica.url}/stream")
        replica.wait("to have both", lambda: replica.metric("logstream_stream_viewers") == 2)
        wanted: list[str] = []
        while not replica.metric("logstream_stream_dropped_records_total"):
            wanted += messages(writer.store(200, padding=2_000), 200)
            expect(brisk, wanted)
        wanted += messages(writer.store(1), 1)
        expect(brisk, wanted)
        assert not brisk.named("dropped")
        replica.process.send_signal(signal.SIGTERM)
        body = slow.read_to_the_end().partition(b"\r\n\r\n")[2]
        events = list(Parser().feed(body))
        found = [record["message"].rstrip(".") for e in events if e.name == "logs" for record in e.json()]
        dropped = [event.json() for event in events if event.name == "dropped"]
        assert dropped
        assert {notice["reason"] for notice in dropped} == {"slow"}
        assert len(found) + sum(notice["records"] for notice in dropped) == len(wanted)
        assert found == [message for message in wanted if message in set(found)]
        times = {record["message"].rstrip("."): record["time"] for record in brisk.records()}
        missing = [times[message] for message in set(wanted) - set(found)]
        assert all(any(notice["from"] <= time < notice["to"] for notice in dropped) for time in missing)


def test_a_viewer_that_never_reads_is_closed(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    with Replica(rabbitmq_url, redis_url, LOGSTREAM_STREAM_VIEWER_TIMEOUT_S="1") as replica:
        stuck = SlowReader(f"{replica.url}/stream")
        replica.wait("to have it", lambda: replica.metric("logstream_stream_viewers") == 1)

        def closed() -> bool:
            writer.store(200, padding=5_000)
            return replica.metric("logstream_stream_viewers") == 0

        wait_for("the viewer to be closed", closed)
        assert replica.metric("logstream_stream_closed_viewers_total") == 1
        stuck.socket.close()


def test_a_vanished_viewer_is_forgotten(replica: Replica) -> None:
    viewer = Viewer(f"{replica.url}/stream")
    replica.wait("to have it", lambda: replica.metric("logstream_stream_viewers") == 1)
    viewer.close()
    replica.wait("to forget it", lambda: replica.metric("logstream_stream_viewers") == 0)


def test_too_many_viewers_are_told_when_to_come_back(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    with Replica(rabbitmq_url, redis_url, LOGSTREAM_STREAM_MAX_VIEWERS="1") as replica:
        with Viewer(f"{replica.url}/stream"):
            refused = requests.get(f"{replica.url}/logs", timeout=10)
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert replica.get("/readyz").status_code == 200
        replica.wait("to have room", lambda: replica.metric("logstream_stream_viewers") == 0)
        with Viewer(f"{replica.url}/logs"):
            pass


def test_at_the_end_viewers_have_all_records_and_a_time_to_come_back(
    rabbitmq_url: str, redis_url: str, writer: Writer
) -> None:
    with Replica(rabbitmq_url, redis_url) as replica, Viewer(f"{replica.url}/stream") as viewer:
        viewer.wait("live", lambda seen: bool(seen.named("counts")))
        batch = writer.store(3)
        expect(viewer, messages(batch, 3))
        assert replica.close() == 0
        assert viewer.ended.wait(30)
        assert viewer.parser.retry_ms != 2000
        assert viewer.parser.retry_ms is not None
