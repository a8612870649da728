#!/usr/bin/env bash
# httpx-sse 0.4.3 (with httpx 0.28.1).
# One would have guessed: a comment followed by a blank line, the usual heartbeat of an event stream, yields nothing.
# The HTML standard ("dispatch the event") returns early when the data buffer is empty.
# What happens: nothing is right until an event had an id. From then on each heartbeat yields an event with empty data
# and that id. A block of only "retry:" yields an empty event too, with or without an id before it.
# Why it matters: json.loads(event.data) raises at the first heartbeat after an id, and a count of events is too high.
# Leave out events whose data is empty, if the server never sends such.
# Seen 2026-11-29. Reported as florimondmanca/httpx-sse#35.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpx-sse==0.4.3
"$dir/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import httpx
import httpx_sse


def events(*blocks):
    def answer(request):
        return httpx.Response(
            200, headers={"Content-Type": "text/event-stream"}, text="".join(block + "\n\n" for block in blocks)
        )

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        httpx_sse.connect_sse(client, "GET", "http://127.0.0.1/") as source,
    ):
        return [(event.id, event.data) for event in source.iter_sse()]


seen = {
    "heartbeat, no id": events("data: a", ": heartbeat", "data: b"),
    "heartbeat after an id": events("id: 7\ndata: a", ": heartbeat", "data: b"),
    "retry, no id": events("data: a", "retry: 500", "data: b"),
    "retry after an id": events("id: 7\ndata: a", "retry: 500", "data: b"),
}
expected = {
    "heartbeat, no id": [("", "a"), ("", "b")],
    "heartbeat after an id": [("7", "a"), ("7", ""), ("7", "b")],
    "retry, no id": [("", "a"), ("", ""), ("", "b")],
    "retry after an id": [("7", "a"), ("7", ""), ("7", "b")],
}
print("httpx-sse", version("httpx-sse"), "with httpx", version("httpx"))
for name, given in seen.items():
    print(f"{name}: {given}")
if seen != expected:
    sys.exit(f"Changed: {expected} was expected.")
print("As expected: after an id each heartbeat yields an empty event.")
PYTHON
