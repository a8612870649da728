"""What was sent, and what the gateway answered: the book that a verdict holds against the store. Thread-safe; no I/O."""

import threading
import uuid
from collections.abc import Collection


class Ledger:
    """Records are known by their message, which is unique; nodes are made for this ledger alone.

    A record counts as accepted once its call was answered with success, and as unanswered when its call ended in any
    other way and was not tried again: it may be stored, at most once.
    """

    def __init__(self, name: str) -> None:
        self.run = f"{name}-{uuid.uuid4().hex[:8]}"
        self._lock = threading.Lock()
        self._nodes: set[str] = set()
        self._accepted: set[str] = set()
        self._unanswered: set[str] = set()
        self.retries = 0
        # Answers that are neither success nor a fault the sender may retry: a test's verdict demands none.
        self.refusals: list[str] = []

    def node(self, sender: str) -> str:
        """The node name of a sender of this run."""
        node = f"{self.run}-{sender}"
        with self._lock:
            self._nodes.add(node)
        return node

    def accept(self, messages: Collection[str]) -> None:
        with self._lock:
            self._accepted.update(messages)

    def leave_unanswered(self, messages: Collection[str]) -> None:
        with self._lock:
            self._unanswered.update(messages)

    def retry(self) -> None:
        with self._lock:
            self.retries += 1

    def refuse(self, text: str) -> None:
        with self._lock:
            self.refusals.append(text)

    @property
    def nodes(self) -> list[str]:
        with self._lock:
            return sorted(self._nodes)

    @property
    def accepted(self) -> set[str]:
        with self._lock:
            return set(self._accepted)

    @property
    def unanswered(self) -> set[str]:
        with self._lock:
            return set(self._unanswered)

    def accepted_count(self) -> int:
        with self._lock:
            return len(self._accepted)
