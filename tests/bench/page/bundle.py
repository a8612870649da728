"""What a first visit downloads, as the page's server sends it. It must not run it."""

import re
from typing import Final

import requests
import urllib3

_FILE: Final = re.compile(r"[\w./-]*?([\w-]+-[\w-]{8}\.(?:js|css|svg|woff2))\b")
_LINKED: Final = re.compile(r"(?:src|href)=\"(/[^\"]+\.(?:js|css|svg|woff2|json|webmanifest))\"")
_TIMEOUT_S: Final = 30


def sizes(page_url: str) -> dict[str, int]:
    """Bytes on the wire of index.html and of every file that it, and what it loads, names."""
    found: dict[str, int] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path], text = _get(page_url + path)
        waiting += _LINKED.findall(text) if path == "/" else []
        if path.startswith("/assets/"):
            waiting += [f"/assets/{name}" for name in _FILE.findall(text)]
    return found


def _get(url: str) -> tuple[int, str]:
    with requests.get(url, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=_TIMEOUT_S) as answer:
        answer.raise_for_status()
        packed: bytes = answer.raw.read(decode_content=False)
        if answer.headers.get("Content-Encoding") == "gzip":
            text = urllib3.response.GzipDecoder().decompress(packed)
        else:
            text = packed
        return len(packed), text.decode(errors="replace")
