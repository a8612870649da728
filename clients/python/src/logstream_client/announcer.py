"""Tells people on standard error what a client could not do. It must never log: its words would come back to be sent."""

import sys

from logstream_client.settings import Dropped, Event, Rejected


class StandardErrorAnnouncer:
    """The default listener of a client's events: each rejection's text once, each outage once, drops as they are counted."""

    def __init__(self) -> None:
        self._rejections: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Prints one line, or nothing for a rejection that was told already."""
        if isinstance(event, Dropped):
            text = f"{event.records} records dropped ({event.reason})"
        elif isinstance(event, Rejected):
            if event.status in self._rejections:
                return
            self._rejections.add(event.status)
            text = f"{event.records} records rejected, told once: {event.status}: {event.message}"
        else:
            text = f"{event.target} takes no records yet, trying again: {event.status}: {event.message}"
        # A process may run without standard error (pythonw, a closed descriptor).
        if sys.stderr is not None:
            print(f"logstream_client: {text}", file=sys.stderr, flush=True)
