"""Requests made up from the OpenAPI document, valid ones and others, against the running service: whatever they hold, the
answer is one that the document tells of."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
import schemathesis
from logstream_query.openapi import openapi_document
from logstream_query.operations import API
from psycopg.types.json import Jsonb

WAIT_S = 60.0
MAX_EXAMPLES = 60
RECORDS = (
    ("2024-08-06T18:51:32.513200+00", 17, "error", "api-1", "disk is full", {"trace_id": "4bf92f3577b34da6"}),
    ("2024-08-06T18:51:32.513200+00", 13, "WARN", "api-2", 'tab\t"quote" \\ \' ü 💥 \u202e', {"ключ": "\n"}),
    ("2024-08-06T18:51:33+00", 9, "info", "db", "", None),
    ("2024-08-07T00:00:00+00", 0, "100%", "näme", "x" * 10_000, None),
)


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


SCHEMA = schemathesis.openapi.from_dict(
    strict(openapi_document(API, "test")),
    config=schemathesis.Config.from_dict(
        {
            # The same requests every time.
            "generation": {"deterministic": True, "max-examples": MAX_EXAMPLES},
            "phases": {"coverage": {"generate-duplicate-query-parameters": True}},
            "checks": {
                # A schema can't say all: that a start lies before its end, that a text is a time.
                "positive_data_acceptance": {"expected-statuses": [200, 400, 404, 414]},
                "negative_data_rejection": {"expected-statuses": [400, 404, 405, 414]},
            },
        }
    ),
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


@pytest.fixture(scope="module")
def statuses() -> dict[str, set[int]]:
    """What each route has answered."""
    return {}


@SCHEMA.parametrize()
def test_every_answer_is_one_the_document_tells_of(
    case: schemathesis.Case[Any], service_url: str, session: requests.Session, statuses: dict[str, set[int]]
) -> None:
    answer = case.call_and_validate(base_url=service_url, session=session)
    statuses.setdefault(case.path, set()).add(answer.status_code)


def test_good_requests_and_bad_ones_were_made(service_url: str, statuses: dict[str, set[int]]) -> None:
    if not statuses:
        pytest.skip("looks at what the requests of this run were answered")
    for operation in API.operations:
        expected = {200, 400} if operation.parameters else {200}
        assert expected - statuses.get(operation.path, expected) == set(), operation.path
