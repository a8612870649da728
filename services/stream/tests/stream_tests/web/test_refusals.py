"""What viewers who don't fit are told."""

import pytest
from harness.sse import Parser
from logstream_stream.viewers.admission import CLIENT, FILTERS, VIEWERS
from logstream_stream.web.refusals import full

EVENTS = "text/event-stream"


@pytest.mark.parametrize(("reason", "status"), [(VIEWERS, 503), (FILTERS, 503), (CLIENT, 429)])
@pytest.mark.parametrize("accept", ["", "*/*", "application/json"])
def test_who_does_not_ask_for_events_gets_a_problem(reason: str, status: int, accept: str) -> None:
    answer = full(reason, accept, "")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("reason", [VIEWERS, FILTERS, CLIENT])
@pytest.mark.parametrize("accept", [EVENTS, f"{EVENTS}, */*;q=0.5"])
def test_who_asks_for_events_gets_one_and_a_pause(reason: str, accept: str) -> None:
    answer = full(reason, accept, "")
    assert (answer.status_code, answer.mimetype) == (200, EVENTS)
    parser = Parser()
    [event] = parser.feed(answer.get_data())
    assert (event.name, event.id, parser.retry_ms) == ("status", None, 3000)
    assert event.json()["stream"] == "full"
    assert event.json()["reason"] == reason


def test_an_id_is_given_back_and_nothing_else() -> None:
    for last_id, given in (("e:1:65535:1700000000000", "e:1:65535:1700000000000"), ("x\ndata: {}", None), ("1", None)):
        [event] = Parser().feed(full(VIEWERS, EVENTS, last_id).get_data())
        assert event.id == given
