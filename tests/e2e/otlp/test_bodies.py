"""Bodies of every kind, and levels that OpenTelemetry has no number for, as the SDKs send them."""

from collections.abc import Callable
from typing import Any

import pytest
from harness.ledger import Ledger
from harness.stack import Stack
from harness.verdict import count_stored
from harness.waiting import wait_for

from .conftest import Start, stored_of
from .senders import JS_GRPC, JS_JSON, JS_PROTOBUF, PYTHON_GRPC, PYTHON_HTTP, PYTHON_SDK_HANDLER, WINSTON, Kind, Service

ByCase = Callable[[Service], dict[str, dict[str, Any]]]

# By the SDKs' own interfaces, which take every kind.
PYTHON = {
    "text": "a text",
    "map": '{"a":1,"b":[true,null,"x"]}',
    "array": '["x",2,0.5]',
    "integer": "9007199254740993",
    "double": "0.1",
    "boolean": "true",
    "bytes": "AP9hYg==",
    "empty": "",
    "none": "an.event",
}
JS = {
    "text": "a text",
    "map": '{"a":1,"b":[true,null,"x"]}',
    "array": '["x",2,0.5]',
    "integer": "4711",
    "large integer": "9007199254740994",
    "double": "0.1",
    "not a number": "NaN",
    "boolean": "true",
    "bytes": "AP9hYg==",
    "empty": "",
    "none": "an.event",
}
# What the handler that Python's SDK recommends makes of a message that is no text, before anything is sent.
PYTHON_TEXTS = {
    "text": "a text",
    "map": "{'a': 1, 'b': [True, None, 'x']}",
    "array": "['x', 2, 0.5]",
    "integer": "9007199254740993",
    "double": "0.1",
    "boolean": "True",
    "bytes": "b'\\x00\\xffab'",
    "empty": "",
    "none": "None",
}


@pytest.fixture
def by_case(stack: Stack, ledger: Ledger) -> ByCase:
    """The stored records of a sender that has ended, by the attribute that names each."""

    def read(service: Service) -> dict[str, dict[str, Any]]:
        sent = len(service.sent)
        wait_for("its records", lambda: count_stored(stack.database_url, ledger.nodes), lambda seen: seen >= sent)
        stored = stored_of(stack, service.node)
        assert len(stored) == sent
        return {record["attributes"]["case"]: record for record in stored if "case" in record["attributes"]}

    return read


@pytest.mark.parametrize("kind", [PYTHON_GRPC, PYTHON_HTTP, PYTHON_SDK_HANDLER], ids=lambda kind: kind.name)
def test_python(start: Start, by_case: ByCase, kind: Kind) -> None:
    service = start(kind, "--kind", "bodies")
    service.wait_end()
    stored = by_case(service)
    emitted = {case: stored[f"emitted {case}"] for case in PYTHON}
    assert {case: record["message"] for case, record in emitted.items()} == PYTHON
    # A number without a text has its name.
    assert {(record["level"], record["severity"]) for record in emitted.values()} == {("info", 9)}
    assert emitted["none"]["attributes"]["event_name"] == "an.event"
    logged = {case: stored[case]["message"] for case in PYTHON}
    assert logged == (PYTHON | {"none": ""} if kind is PYTHON_SDK_HANDLER else PYTHON_TEXTS)


@pytest.mark.parametrize("kind", [JS_GRPC, JS_PROTOBUF, JS_JSON], ids=lambda kind: kind.name)
def test_js(start: Start, by_case: ByCase, kind: Kind) -> None:
    service = start(kind, "--kind", "bodies")
    service.wait_end()
    stored = by_case(service)
    # JSON has no NaN: it is sent as null.
    expected = JS | {"not a number": ""} if kind is JS_JSON else JS
    assert {case: record["message"] for case, record in stored.items()} == expected
    assert stored["none"]["attributes"]["event_name"] == "an.event"


def test_levels_of_python_without_a_number(start: Start, by_case: ByCase) -> None:
    service = start(PYTHON_GRPC, "--kind", "levels")
    service.wait_end()
    found = {case: (record["level"], record["severity"]) for case, record in by_case(service).items()}
    # 25 is named by the service. Below 10 nothing has a number in OpenTelemetry, nor has the name one that we know.
    assert found == {"5": ("Level 5", 0), "25": ("NOTICE", 12), "33": ("Level 33", 16), "60": ("Level 60", 24)}


def test_winston_says_exception_of_what_is_none(stack: Stack, start: Start, ledger: Ledger) -> None:
    service = start(WINSTON, "--kind", "odd")
    service.wait_end()
    wait_for("its records", lambda: count_stored(stack.database_url, ledger.nodes), lambda seen: seen >= 3)
    greeting, failure, nested = stored_of(stack, service.node)
    assert (greeting["message"], greeting["level"]) == (f"{service.node} says hello to 3", "info")
    assert greeting["attributes"]["exception.message"] == "hello"
    assert (failure["message"], failure["level"]) == (f"{service.node} failed", "error")
    assert failure["attributes"]["exception.type"] == "Error"
    assert failure["attributes"]["exception.stacktrace"].startswith("Error: no such order\n    at ")
    assert nested["attributes"]["order"] == '{"id":4711,"lines":["a","b"]}'
