"""Reads the history over HTTP as a client does: /api/logs by its cursors, and the seed's /historical-logs. It must not
judge."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests

TIMEOUT_S = 60


def get(url: str, params: Mapping[str, str | int] | Sequence[tuple[str, str]] | None = None) -> requests.Response:
    return requests.get(url, params=params, timeout=TIMEOUT_S)


def pages(page_url: str, params: Mapping[str, str | int]) -> Iterator[list[dict[str, Any]]]:
    """The pages of /api/logs, walked by next_cursor to the end."""
    cursor: str | None = None
    while True:
        answer = get(f"{page_url}/api/logs", {**params, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, f"GET {answer.url}: {answer.status_code} {answer.text[:500]}"
        body = answer.json()
        yield body["records"]
        if body["next_cursor"] is None:
            return
        assert body["next_cursor"] != cursor, f"GET {answer.url}: next_cursor does not move on"
        cursor = body["next_cursor"]


def walk(page_url: str, params: Mapping[str, str | int]) -> list[dict[str, Any]]:
    """All records of a walk, in its order."""
    return [record for page in pages(page_url, params) for record in page]


def historical(page_url: str, params: Mapping[str, str | int]) -> list[dict[str, Any]]:
    """What the seed's route answers."""
    answer = get(f"{page_url}/historical-logs", params)
    assert answer.status_code == 200, f"GET {answer.url}: {answer.status_code} {answer.text[:500]}"
    found: list[dict[str, Any]] = answer.json()
    return found
