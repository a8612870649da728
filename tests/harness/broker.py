"""Asks RabbitMQ's management interface what an operator would ask. It must not touch the product's queues."""

from typing import Any
from urllib.parse import quote, urlsplit

import requests

TIMEOUT_S = 20
WRITE_QUEUE = "logstream.write"


class Broker:
    """management_url: http://user:password@host:port. Raises requests.RequestException when it can't be asked."""

    def __init__(self, management_url: str) -> None:
        parts = urlsplit(management_url)
        self._base = f"{parts.scheme}://{parts.hostname}:{parts.port}/api"
        self._auth = (parts.username or "guest", parts.password or "guest")

    def unsettled(self, queue: str = WRITE_QUEUE) -> int:
        """Messages in a queue, those given out and not yet acknowledged included. The figure may be a few seconds old."""
        found = self._call("GET", f"queues/%2F/{queue}").json()
        return int(found.get("messages", 0))

    def make_vhost(self, name: str) -> None:
        """A virtual host that this user may use."""
        self._call("PUT", f"vhosts/{quote(name, safe='')}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self._call("PUT", f"permissions/{quote(name, safe='')}/{self._auth[0]}", everything)

    def drop_vhost(self, name: str) -> None:
        self._call("DELETE", f"vhosts/{quote(name, safe='')}")

    def _call(self, method: str, path: str, body: Any = None) -> requests.Response:
        answer = requests.request(method, f"{self._base}/{path}", json=body, auth=self._auth, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer
