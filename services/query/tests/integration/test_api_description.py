"""Requests made up from the OpenAPI document, good ones and any others, against the running service: whatever they hold, the
answer is one that the document tells of."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
import schemathesis
from logstream_query.routes.openapi import openapi_document
from logstream_query.routes.operations import API
from psycopg.types.json import Jsonb
from schemathesis.specs.openapi.checks import negative_data_rejection

WAIT_S = 60.0
MAX_EXAMPLES = 60
# Less than the request line that gunicorn reads, 8,190 bytes.
LINE_BYTES = 8_000
RECORDS = (
    ("2024-08-06T18:51:32.513200+00", 17, "error", "api-1", "disk is full", {"trace_id": "4bf92f3577b34da6"}),
    ("2024-08-06T18:51:32.513200+00", 13, "WARN", "api-2", 'tab\t"quote" \\ \' ü 💥 \u202e', {"ключ": "\n"}),
    ("2024-08-06T18:51:33+00", 9, "info", "db", "", None),
    ("2024-08-07T00:00:00+00", 0, "100%", "näme", "x" * 10_000, None),
)

START = {"enum": ["2024-08-06", "1722970292", "1722970292513", "-200w"]}
END = {"enum": ["now", "2024-08-07", "2034-01-01T00:00:00+02:00"]}
TEXT = {"enum": ["disk", "%", "_", "\\", "\u202e", 'ü "full"', "-full x", "💥"]}
SEQUENCE = {"enum": ["65536", "65539"]}
ATTRIBUTES = {
    "type": "object",
    "properties": {
        "attr.trace_id": {"enum": ["4bf92f3577b34da6", ""]},
        "attr.ключ": {"enum": ["\n"]},
        "-attr.trace_id": {"enum": ["4bf92f3577b34da6", "%"]},
    },
    "additionalProperties": False,
}
# What is likely to be asked, by the parameter's name.
PLAUSIBLE: dict[str, dict[str, Any]] = {
    "start": START,
    "startTime": START,
    "end": END,
    "endTime": END,
    "level": {"enum": ["error", "WARN,info", "100%", "nothing"]},
    "min_level": {"enum": ["warn", "9"]},
    "node": {"enum": ["api-*", "näme", "db,api-1", "*"]},
    "q": TEXT,
    "message": TEXT,
    "regex": {"enum": ["^disk", "[0-9]{3}", "(x+x+)+y"]},
    "sequence": SEQUENCE,
    "sequence_number": SEQUENCE,
    "bucket": {"enum": ["1d", "52w"]},
    "max_records": {"enum": ["1", "1000"]},
    "attr": ATTRIBUTES,
}


def strict(schema: Any) -> Any:
    """A copy in which an object with a field that isn't described is wrong, so that no field goes undescribed."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: strict(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        copy.setdefault("additionalProperties", False)
    return copy


def plausible(document: dict[str, Any]) -> dict[str, Any]:
    """A copy that allows only what is likely to be asked, and no cursor: none can be known beforehand."""
    copy = deepcopy(document)
    for path in copy["paths"].values():
        parameters = [one for one in path["get"].get("parameters", []) if one["name"] != "cursor"]
        for parameter in parameters:
            parameter["schema"] = PLAUSIBLE.get(parameter["name"], parameter["schema"])
            parameter.pop("allowEmptyValue", None)
        path["get"]["parameters"] = parameters
    return copy


def schema_of(document: dict[str, Any], **config: Any) -> schemathesis.BaseSchema:
    """Makes the same requests every time."""
    generation = {"deterministic": True, "max-examples": MAX_EXAMPLES, **config.pop("generation", {})}
    return schemathesis.openapi.from_dict(
        document, config=schemathesis.Config.from_dict({"generation": generation, **config})
    )


DOCUMENT = strict(openapi_document(API, "test"))
ANYTHING = schema_of(
    DOCUMENT,
    phases={"coverage": {"generate-duplicate-query-parameters": True}},
    checks={
        # A schema can't say all: that a start lies before its end, that a text is a time.
        "positive_data_acceptance": {"expected-statuses": [200, 400, 404, 414]},
        "negative_data_rejection": {"expected-statuses": [400, 404, 405, 414]},
    },
)
GOOD = schema_of(
    plausible(DOCUMENT),
    generation={"mode": "positive"},
    checks={"positive_data_acceptance": {"expected-statuses": [200]}},
)


@pytest.fixture(scope="module")
def records(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        (number,) = connection.execute(
            "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
            " VALUES ('default', %s, '', %s, %s, %s, now()) RETURNING number",
            (uuid.uuid4(), len(RECORDS), RECORDS[0][0], RECORDS[-1][0]),
        ).fetchone() or (0,)
        for index, (at, *rest, attributes) in enumerate(RECORDS):
            connection.execute(
                "INSERT INTO logs (time, sequence, severity, level, node, message, attributes)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (at, number << 16 | index, *rest, Jsonb(attributes) if attributes else None),
            )
        connection.execute(
            "INSERT INTO log_counts (bucket, node, level, severity, count)"
            " SELECT date_trunc('minute', time, 'UTC'), node, level, severity, count(*) FROM logs GROUP BY 1, 2, 3, 4"
        )


@pytest.fixture(scope="module")
def service_url(database_url: str, records: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service of this module's own, on a database with records."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    directory: Path = tmp_path_factory.mktemp("query")
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(directory)}
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "logstream_query"],
            env=environ | {"LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_QUERY_LISTEN": address},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until_ready(f"http://{address}", directory / "log")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(WAIT_S)


def wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/readyz", timeout=WAIT_S).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail(f"the service isn't ready: {log.read_text()}")


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


@ANYTHING.parametrize()
def test_every_answer_is_one_the_document_tells_of(
    case: schemathesis.Case[Any], service_url: str, session: requests.Session
) -> None:
    # An attribute's value may be any text, so on the wire a number or null made up for it is a text as good as others.
    texts = any(str(name).lstrip("-").startswith("attr.") for name in case.query or {})
    response = case.call(base_url=service_url, session=session)
    # gunicorn itself refuses a request line that is too long, before any code of ours knows of it.
    if len(response.request.url or "") > LINE_BYTES and response.status_code == 414:
        return
    case.validate_response(response, excluded_checks=[negative_data_rejection] if texts else [])


@GOOD.parametrize()
def test_good_requests_are_answered_as_described(
    case: schemathesis.Case[Any], service_url: str, session: requests.Session
) -> None:
    case.call_and_validate(base_url=service_url, session=session)
