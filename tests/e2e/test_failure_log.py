"""What the page's nginx writes of requests that fail: who asks must not be able to forge lines, or to reach who reads
them in a terminal."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from harness.services import PAGE
from harness.stack import Stack
from harness.waiting import GENEROUS_S, wait_for

# Quotes and a backslash; C1 controls as UTF-8 and as single bytes, of which one begins a terminal's commands; a character
# that turns the direction of writing; and more than is kept.
HOSTILE = b'/"},\\\xc2\x9b31m\x9b31m\x85\xe2\x80\xae?' + b"a" * 2_000
KEPT_CHARACTERS = 300


@pytest.fixture
def failures(stack: Stack) -> Path:
    """The file that the page's nginx writes to."""
    if not stack.shares_loopback:
        pytest.skip("in a container it is the engine's log")
    files = Path(f"/proc/{stack.pid(PAGE)}/fd")
    return next(file for file in files.iterdir() if str(file.readlink()).endswith("failures.log"))


def told(failures: Path, number: int) -> list[dict[str, Any]]:
    """The lines after the first so many."""
    return [json.loads(line) for line in failures.read_text(encoding="ascii").splitlines()[number:]]


@pytest.mark.parametrize("target", [HOSTILE, b"/" + b"a" * 2_000 + b"\x9b"], ids=["controls", "long"])
def test_a_line_is_json_of_printable_ascii_and_not_long(stack: Stack, failures: Path, target: bytes) -> None:
    before = len(told(failures, 0))
    parts = urlsplit(stack.page_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=GENEROUS_S) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: evil.example\xc2\x9b\r\nConnection: close\r\n\r\n")
        assert connection.makefile("rb").readline().split()[1] == b"421"
    [line] = wait_for("the line", lambda: told(failures, before))
    assert line["status"] == "421"
    assert line["host"] == "evil.example"
    assert target.decode("latin-1").startswith(line["uri"])
    assert line["uri"].isprintable()
    assert 1 <= len(line["uri"]) <= KEPT_CHARACTERS
