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
        self.socket.sendall(f"GET {parts.path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())

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


def test_a_slow_viewer_loses_the_oldest_records_and_delays_nobody(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
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


def test_too_many_viewers_are_sent_when_to_reconnect(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
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


def test_a_viewer_with_a_filter_sees_what_matches_and_its_id_moves_on(replica: Replica, writer: Writer) -> None:
    for _ in range(3):
        writer.store(3)
    with Viewer(f"{replica.url}/stream?q=/1&recent=2") as viewer:
        expect(viewer, ["2/1", "3/1"])
        viewer.wait("live", lambda seen: bool(seen.named("counts")))
        assert replica.metric("logstream_stream_filters") == 1
        writer.store(1)
        writer.store(3)
        expect(viewer, ["2/1", "3/1", "5/1"])
        writer.store(1)
        viewer.wait("a later id", lambda seen: ":6:65535:" in (seen.last_id() or ""))
    writer.store(2)
    with Viewer(f"{replica.url}/stream?q=/1", viewer.last_id()) as again:
        expect(again, ["7/1"])
    replica.wait("to forget the filter", lambda: replica.metric("logstream_stream_filters") == 0)


def test_too_many_filters_are_sent_when_to_reconnect(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    with (
        Replica(rabbitmq_url, redis_url, LOGSTREAM_STREAM_MAX_FILTERS="1") as replica,
        Viewer(f"{replica.url}/stream?level=warn"),
        Viewer(f"{replica.url}/stream?level=warn"),
        Viewer(f"{replica.url}/stream"),
    ):
        refused = replica.get("/stream?level=error")
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert "filters" in refused.json()["detail"]
        assert 'logstream_stream_refused_viewers_total{reason="filters"} 1.0' in replica.get("/metrics").text


def test_bad_parameters_are_counted_by_name(replica: Replica) -> None:
    assert replica.get("/stream?attr.k=1&attr.k=2&regex=a&levle=x&start=now").status_code == 400
    metrics = replica.get("/metrics").text
    for name in ("attr", "regex", "unknown", "start"):
        assert f'logstream_stream_rejected_parameters_total{{parameter="{name}"}} 1.0' in metrics


def test_an_address_of_eight_kilobytes_is_taken(replica: Replica) -> None:
    with Viewer(f"{replica.url}/stream?attr.k={'v' * 8_000}"):
        pass
    assert replica.get(f"/stream?attr.k={'v' * 9_000}").status_code == 414
