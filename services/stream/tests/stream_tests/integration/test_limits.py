"""What a running service gives one viewer and one client, and says about the rest."""

import json
import time
from collections.abc import Sequence
from functools import partial

import requests
from harness.sse import Parser, Viewer
from logstream_contract.rows.timestamps import iso_micros
from logstream_stream.arriving.stored import StoredBatch

from .playing import Replica, Writer, messages
from .test_live import shown
from .test_viewers import SlowReader

RATE = {"LOGSTREAM_STREAM_MAX_RATE": "100"}


def dropped_records(viewer: Viewer) -> int:
    return sum(event.json()["records"] for event in viewer.named("dropped"))


def is_told(records: int, viewer: Viewer) -> bool:
    return len(shown(viewer)) + dropped_records(viewer) >= records


def store(writer: Writer, batches: int, records: int) -> list[StoredBatch]:
    found = []
    for _ in range(batches):
        found.append(writer.store(records))
        time.sleep(0.05)
    return found


def assert_all_told(found: Sequence[str], ranges: Sequence[tuple[str, str]], wanted: dict[str, str]) -> None:
    """wanted: the messages a viewer is owed, and the times of their records."""
    assert list(found) == [message for message in wanted if message in set(found)]
    missing = wanted.keys() - set(found)
    assert missing
    assert all(any(start <= wanted[message] < end for start, end in ranges) for message in missing)


def test_above_the_rate_shown_and_dropped_are_what_was_stored(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    with (
        Replica(rabbitmq_url, redis_url, **RATE) as replica,
        Viewer(f"{replica.url}/stream") as every,
        Viewer(f"{replica.url}/stream?max_rate=10") as few,
        Viewer(f"{replica.url}/stream?q=9/") as some,
        Viewer(f"{replica.url}/stream?q=/7&max_rate=100") as seldom,
    ):
        seed = SlowReader(f"{replica.url}/logs")
        replica.wait("to have all five", lambda: replica.metric("logstream_stream_viewers") == 5)
        for viewer in (every, few, some, seldom):
            viewer.wait("live", lambda seen: bool(seen.named("counts")))
        times = {
            message: iso_micros(batch.received_ns // 1_000)
            for batch in store(writer, 20, 60)
            for message in messages(batch, 60)
        }
        for viewer, text in ((every, ""), (few, ""), (some, "9/"), (seldom, "/7")):
            wanted = {message: at for message, at in times.items() if text in message}
            viewer.wait("all told", partial(is_told, len(wanted)))
            assert len(shown(viewer)) + dropped_records(viewer) == len(wanted)
            assert {event.json()["reason"] for event in viewer.named("dropped")} <= {"rate"}
            if viewer is seldom or viewer is some:
                assert shown(viewer) == list(wanted)
            else:
                ranges = [(event.json()["from"], event.json()["to"]) for event in viewer.named("dropped")]
                assert_all_told(shown(viewer), ranges, wanted)
        assert len(shown(few)) < len(shown(every))
        assert replica.metric("logstream_stream_dropped_records_total") > 0
        assert 'logstream_stream_dropped_records_total{reason="rate"}' in replica.get("/metrics").text
        replica.process.terminate()
        body = seed.read_to_the_end().partition(b"\r\n\r\n")[2]
        told = [json.loads(line[len(": dropped ") :]) for line in body.decode().split("\n") if line.startswith(": dropped ")]
        assert {notice["reason"] for notice in told} == {"rate"}
        found = [event.json()["message"] for event in Parser().feed(body)]
        assert len(found) + sum(notice["records"] for notice in told) == len(times)
        assert_all_told(found, [(notice["from"], notice["to"]) for notice in told], times)


def test_a_rate_above_the_services_is_refused_with_the_most_there_is(
    rabbitmq_url: str, redis_url: str, writer: Writer
) -> None:
    with Replica(rabbitmq_url, redis_url, **RATE) as replica:
        # Not read to an end that never comes, were it answered.
        answer = requests.get(f"{replica.url}/stream?max_rate=101", stream=True, timeout=10)
        assert answer.status_code == 400
        (problem,) = answer.json()["problems"]
        assert (problem["name"], problem["value"]) == ("max_rate", "101")
        assert "1 to 100" in problem["expected"]
        counted = 'logstream_stream_rejected_parameters_total{parameter="max_rate"} 1.0'
        assert counted in replica.get("/metrics").text


def ask(replica: Replica, forwarded_for: str = "") -> requests.Response:
    headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
    return requests.get(f"{replica.url}/stream", headers=headers, stream=True, timeout=10)


def test_a_client_has_its_share_of_viewers_and_no_more(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    with Replica(rabbitmq_url, redis_url, LOGSTREAM_STREAM_VIEWERS_PER_CLIENT="2") as replica:
        viewers = [ask(replica, client) for client in ("198.51.100.1", "198.51.100.2", "1.1.1.1, 198.51.100.1", "", "")]
        assert [viewer.status_code for viewer in viewers] == [200] * 5
        for client in ("198.51.100.1", "2.2.2.2, 198.51.100.1", ""):
            refused = ask(replica, client)
            assert refused.status_code == 429
            assert int(refused.headers["Retry-After"]) > 0
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert "client" in refused.json()["detail"]
        assert 'logstream_stream_refused_viewers_total{reason="client"} 3.0' in replica.get("/metrics").text
        viewers[0].close()
        replica.wait("to forget it", lambda: replica.metric("logstream_stream_viewers") == 4)
        again = ask(replica, "198.51.100.1")
        assert again.status_code == 200
        for viewer in (*viewers, again):
            viewer.close()


def test_where_no_proxy_is_trusted_all_behind_one_are_one_client(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    limits = {"LOGSTREAM_STREAM_VIEWERS_PER_CLIENT": "1", "LOGSTREAM_STREAM_TRUSTED_PROXIES": "none"}
    with Replica(rabbitmq_url, redis_url, **limits) as replica:
        first = ask(replica, "198.51.100.1")
        assert (first.status_code, ask(replica, "198.51.100.2").status_code) == (200, 429)
        first.close()
