"""Reports on standard error what a client could not deliver. It must never log: its log records would have to be sent,
too."""

import sys

from logstream_client.settings import Dropped, Event, Rejected


class StandardErrorAnnouncer:
    """The default listener of a client's events. It reports the first rejection of each status, and every outage and drop
    event."""

    def __init__(self) -> None:
        self._rejections: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Prints a line, or nothing for a rejection with a status that was reported before."""
        if isinstance(event, Dropped):
            text = f"{event.records} records dropped ({event.reason})"
        elif isinstance(event, Rejected):
            if event.status in self._rejections:
                return
            self._rejections.add(event.status)
            text = f"{event.records} records rejected (reported once): {event.status}: {event.message}"
        else:
            text = f"{event.target} accepts no records, retrying: {event.status}: {event.message}"
        # A process may run without standard error (pythonw, a closed descriptor).
        if sys.stderr is not None:
            print(f"logstream_client: {text}", file=sys.stderr, flush=True)
