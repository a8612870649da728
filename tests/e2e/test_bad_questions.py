"""Whatever is asked of history gets its refusal or its right answer, through the page's proxy; never a server's error.

Questions with a parameter or a route that the API's description doesn't have are left out."""

import os
import socket
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from harness import wire
from harness.history import TIMEOUT_S, get, historical, walk
from harness.senders import channel, new_batch_id
from harness.stack import Stack
from harness.waiting import wait_for

messages = wire.compiled()

PERCENT, UNDERSCORE, QUOTES = "100% done", "under_score", 'say "hi" \\ back'
SQL, BIDI, RUN = "it's; DROP TABLE logs; --", "photo \u202egnp.exe\u202c", "a" * 40 + "!"
MESSAGES = (PERCENT, UNDERSCORE, QUOTES, SQL, BIDI, RUN)
ATTRIBUTES = {"per%cent": "50%", "ключ": "'\"", "a.b": "\u202e"}
NEVER_STORED = 2**63 - 1
# They take an engine that backtracks for ages, and what they find.
CATASTROPHIC: dict[str, tuple[str, ...]] = {"(a+)+$": (), "(a|aa)+$": (), "(x+x+)+y": (), "(a*)*b": (QUOTES,)}

# A parameter and values that it must refuse.
REFUSED: dict[str, tuple[str, ...]] = {
    "limit": ("1e9", "1000000000", "0", "-1", "5001", "1.0", "０１", "9" * 400, "NaN", "\u202e5", " "),
    "start": ("yesterday", "1e400", "-1", "10000-01-01", "2024-13-01", "-15x", "9" * 20, "\u202enow", "-15m;", "null"),
    "end": ("tomorrow", "2024-02-30", "99999999999999999999", "-1000000000000d"),
    "min_level": ("nonsense", "0", "25", "-1", "1e1", "warn,error"),
    "order": ("DESC", "sideways", "asc;desc", "\u202easc"),
    "cursor": ("x", "AAAA", "A" * 1_000, "AQAA", "AQ" + "A" * 60, "💥", "../../etc/passwd", "AQAA==", "'"),
    "q": ('""', "a" * 1_001, " ".join("abcdefghijklmnopqrstu"), '-""'),
    "node": (",", ",".join(f"n{number}" for number in range(51)), " "),
    "level": (",,", ",".join(f"l{number}" for number in range(51))),
    "sequence_number": ("x", "-1", str(2**63), "1e3", "0x10"),
    "startTime": ("yesterday", "1e400", "\u202enow"),
    "endTime": ("tomorrow", "2024-02-30"),
    "message": ("a" * 1_001,),
    "regex": ("(", "[", "a{2,1}", "*", "\\", "(?<=a", "a" * 1_001, "[[:nope:]]", "a{99999}"),
    "sequence": ("x", "-1", str(2**63), "1e3", "1,x", ","),
    "buckets": ("0", "1e9", "-1", "x"),
    "bucket": ("0s", "1e9s", "1x", "-1m", "9" * 30 + "s"),
    "top": ("0", "1e9", "x"),
    "records": ("0", "1e9", "x"),
    "format": ("xml", "CSV", "../csv"),
    "max_records": ("0", "-1", "1e9", "x"),
}
# Text parameters, each of which has to stand these.
UNREADABLE = ("%00", "a%00b", "%FF", "%C3%28", "%ED%A0%80", "%F4%90%80%80")

# A query string without the node, and the messages found.
ANSWERED: dict[str, tuple[str, tuple[str, ...]]] = {
    "a range of ten years": (f"start=2020-01-01&end={quote('2100-01-01')}", MESSAGES),
    "a range before all records": ("start=0&end=1970-01-02", ()),
    "a range of nothing": ("start=-1h&end=-1h", ()),
    "an unknown level": ("level=nonsense", ()),
    "a level of SQL": ("level=' OR 1=1 --", ()),
    "a percent sign": ("q=%25", (PERCENT,)),
    "an underscore": ("q=_", (UNDERSCORE,)),
    "a backslash": ("q=%5C", (QUOTES,)),
    "a quote": ("q=" + quote('"\\""'), (QUOTES,)),
    "an apostrophe": ("q='", (SQL,)),
    "SQL": ("q=" + quote('"; DROP TABLE"'), (SQL,)),
    "bidi characters": ("q=" + quote("\u202e"), (BIDI,)),
    "a phrase never closed": ("q=" + quote('"100% d'), (PERCENT,)),
    "a pattern of another language": ("q=" + quote(".*"), ()),
    "a character that no message has": ("q=" + quote("\U0010ffff"), ()),
    "many words": ("q=" + quote(" ".join("a" * (count + 1) for count in range(20))), (RUN,)),
    "an attribute with a percent sign": ("attr.per%25cent=50%25", MESSAGES[:1]),
    "an attribute as a pattern": ("attr.per%25cent=5_%25", ()),
    "an attribute with quotes": ("attr.%D0%BA%D0%BB%D1%8E%D1%87=%27%22", MESSAGES[:1]),
    "an attribute with a dot and bidi": ("attr.a.b=%E2%80%AE", MESSAGES[:1]),
    "an attribute that nothing has": ("attr." + "k" * 255 + "=", ()),
    "an attribute excluded": ("-attr.a.b=%E2%80%AE", MESSAGES[1:]),
    "a sequence never stored": (f"sequence={NEVER_STORED}", ()),
    "a regular expression": ("regex=" + quote("^a{40}!$"), (RUN,)),
    "a regular expression of SQL": ("regex=" + quote("'s; DROP.*--$"), (SQL,)),
}
REFUSED_NAMES = ("levle=error", "limit=1&limit=1", "%00=1", "%E2%80%AElimit=1", "q%00=1", "=", "=1", "%FF=1", "limit[]=1")


@pytest.fixture(scope="module")
def parameters(stack: Stack) -> dict[str, set[str]]:
    """The parameters of each path without one in the path itself."""
    paths = get(f"{stack.page_url}/api/openapi.json").json()["paths"]
    return {
        path: {parameter["name"] for parameter in item["get"].get("parameters", [])}
        for path, item in paths.items()
        if "{" not in path
    }


@pytest.fixture(scope="module")
def node(stack: Stack) -> str:
    """A node that has logged MESSAGES; the first has ATTRIBUTES."""
    name = f"bad-questions-{os.urandom(6).hex()}"
    records = [
        messages.LogRecord(level="info", message=message, attributes={} if index else ATTRIBUTES)
        for index, message in enumerate(MESSAGES)
    ]
    raw = messages.LogBatch(batch_id=new_batch_id(), node=name, records=records).SerializeToString()
    with channel(stack.gateway) as opened:
        opened.unary_unary(wire.PUSH)(raw, timeout=TIMEOUT_S)
    wait_for(
        "the records in history", lambda: walk(stack.page_url, {"node": name}), lambda found: len(found) == len(records)
    )
    return name


def problems_of(answer: requests.Response) -> list[dict[str, Any]]:
    """Of an answer that must be a 400."""
    assert answer.status_code == 400, f"{answer.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    problems: list[dict[str, Any]] = answer.json()["problems"]
    return problems


def found(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, f"{answer.url}: {answer.status_code} {answer.text[:300]}"
    return sorted(record["message"] for record in answer.json()["records"])


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_is_refused_by_name_on_every_route(stack: Stack, parameters: dict[str, set[str]], name: str) -> None:
    paths = [path for path, names in parameters.items() if name in names]
    assert paths
    for path in paths:
        # The first release's level is a text, not a list.
        if (path, name) == ("/historical-logs", "level"):
            continue
        for value in REFUSED[name]:
            (problem,) = problems_of(get(stack.page_url + path, {name: value}))
            assert problem["name"] == name, f"{path} {value}"
            assert problem["expected"]


def test_a_regular_expression_is_refused_where_there_is_no_record_to_try_it_on(
    stack: Stack, parameters: dict[str, set[str]]
) -> None:
    long_ago = {"start": "1971-01-01", "end": "1971-01-02"}
    paths = [path for path, names in parameters.items() if "regex" in names]
    assert len(paths) == 4
    for path in paths:
        (problem,) = problems_of(get(stack.page_url + path, {"regex": "[", **long_ago}))
        assert problem["name"] == "regex", path


@pytest.mark.parametrize("value", UNREADABLE)
def test_text_that_cannot_be_stored_is_refused_everywhere(stack: Stack, parameters: dict[str, set[str]], value: str) -> None:
    for path, names in parameters.items():
        for name in names:
            asked = f"attr.k={value}" if name == "attr" else f"{name}={value}"
            (problem,) = problems_of(get(f"{stack.page_url}{path}?{asked}"))
            assert problem["name"] in (name, "attr.k"), asked


@pytest.mark.parametrize("query", REFUSED_NAMES)
def test_a_name_that_is_no_parameters_is_refused(stack: Stack, parameters: dict[str, set[str]], query: str) -> None:
    for path, names in parameters.items():
        if names and path != "/historical-logs":
            assert problems_of(get(f"{stack.page_url}{path}?{query}")), path


@pytest.mark.parametrize("name", ANSWERED)
def test_an_odd_question_gets_its_right_answer(stack: Stack, node: str, name: str) -> None:
    query, expected = ANSWERED[name]
    assert found(get(f"{stack.page_url}/api/logs?node={node}&{query}")) == sorted(expected)


@pytest.mark.parametrize("pattern", CATASTROPHIC)
def test_a_catastrophic_regular_expression_is_answered(stack: Stack, node: str, pattern: str) -> None:
    answer = get(f"{stack.page_url}/api/logs", {"node": node, "regex": pattern})
    assert found(answer) == sorted(CATASTROPHIC[pattern])


def test_every_problem_is_named_at_once(stack: Stack) -> None:
    asked = {"limit": "1e9", "start": "x", "min_level": "x", "cursor": "x", "order": "x", "nothing": "x", "q": '""'}
    assert {problem["name"] for problem in problems_of(get(f"{stack.page_url}/api/logs", asked))} == set(asked)


def test_parameters_at_odds_are_refused(stack: Stack, node: str) -> None:
    (problem,) = problems_of(get(f"{stack.page_url}/api/logs", {"start": "now", "end": "-1h"}))
    assert problem["name"] == "end"
    cursor = get(f"{stack.page_url}/api/logs", {"node": node, "limit": 1}).json()["next_cursor"]
    (problem,) = problems_of(get(f"{stack.page_url}/api/logs", {"cursor": cursor, "order": "asc"}))
    assert problem["name"] == "order"


def test_a_cursor_cut_or_changed_is_refused_or_leads_to_a_page(stack: Stack, node: str) -> None:
    """A cursor isn't signed: a changed one may name another place, but never an error of the server's."""
    cursor = get(f"{stack.page_url}/api/logs", {"node": node, "limit": 1}).json()["next_cursor"]
    for cut in range(1, len(cursor)):
        problems_of(get(f"{stack.page_url}/api/logs", {"cursor": cursor[:cut]}))
    for place in range(len(cursor)):
        for letter in "A_":
            changed = cursor[:place] + letter + cursor[place + 1 :]
            status = get(f"{stack.page_url}/api/logs", {"node": node, "cursor": changed}).status_code
            assert status in (200, 400), changed


@pytest.mark.parametrize("size", [1_001, 9_000, 40_000, 1_000_000])
def test_a_query_string_too_long_is_refused(stack: Stack, parameters: dict[str, set[str]], size: int) -> None:
    for path in parameters:
        answer = get(f"{stack.page_url}{path}?nothing={'x' * size}")
        expected = 414 if size > 8_190 else 200 if path in ("/historical-logs", "/api/docs", "/api/openapi.json") else 400
        assert answer.status_code == expected, path


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /api/%00 HTTP/1.1",
        b"GET /api/logs?q=\x00 HTTP/1.1",
        b"GET /api/logs?q=\xff HTTP/1.1",
        b"GET /api/logs?q=a b HTTP/1.1",
        b"GET",
    ],
)
def test_bytes_that_are_no_request_are_refused(stack: Stack, request_line: bytes) -> None:
    parts = urlsplit(stack.page_url)
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=TIMEOUT_S) as connection:
        connection.sendall(request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = connection.makefile("rb").read()
    status = int(answer.split(maxsplit=2)[1]) if answer.startswith(b"HTTP/1.1 ") else 400
    assert status == 400


def test_a_sequence_that_is_not_stored(stack: Stack) -> None:
    """As if it had been deleted: what came after it in this order was older still."""
    for sequence in (NEVER_STORED, 0):
        assert historical(stack.page_url, {"sequence_number": sequence}) == []


def test_the_context_of_a_sequence_that_is_not_stored_is_not_found(stack: Stack) -> None:
    context = "/api/logs/{sequence}/context"
    answers = {
        sequence: get(stack.page_url + context.format(sequence=sequence))
        for sequence in (NEVER_STORED, 1, "x", "-1", "1e3", 2**63, "%FF", "%E2%80%AE1", "1 OR 1=1")
    }
    assert [answer.status_code for answer in answers.values()] == [404] * 2 + [400] * 7
    assert {answer.headers["Content-Type"] for answer in answers.values()} == {"application/problem+json"}
    assert str(NEVER_STORED) in answers[NEVER_STORED].json()["detail"]


def test_other_methods_are_refused(stack: Stack, parameters: dict[str, set[str]]) -> None:
    for path in parameters:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = requests.request(method, stack.page_url + path, timeout=TIMEOUT_S)
            assert answer.status_code == 405, f"{method} {path}"
            assert answer.headers["Content-Type"] == "application/problem+json"
