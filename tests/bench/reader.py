"""A reader process: pages through history by REST while records come in, one request after another."""

import time
from dataclasses import dataclass, field
from typing import Any

import requests

_PAUSE_S = 0.2
_PAGES_A_WALK = 20


@dataclass
class Pages:
    answered_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def read_pages(page_url: str, stop: Any, results: Any) -> None:
    """Runs in a process of its own until stop is set: five pages of 100 a second, from the newest on."""
    pages = Pages()
    session = requests.Session()
    cursor, walked = None, 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            answer = session.get(
                f"{page_url}/api/logs", params={"limit": 100, **({"cursor": cursor} if cursor else {})}, timeout=30
            )
            answer.raise_for_status()
            cursor, walked = answer.json()["next_cursor"], walked + 1
            pages.answered_ms.append((time.monotonic() - began) * 1e3)
        except (requests.RequestException, ValueError) as error:
            pages.errors.append(repr(error))
        if walked % _PAGES_A_WALK == 0:
            cursor = None
        stop.wait(_PAUSE_S)
    results.put(pages)
