"""logstream for Python: a logging handler, and the client that it uses."""

from logstream_client.client import Client
from logstream_client.handler import LogstreamHandler
from logstream_client.settings import Dropped, Event, Rejected, Settings, Stats, Unreachable

__all__ = ["Client", "Dropped", "Event", "LogstreamHandler", "Rejected", "Settings", "Stats", "Unreachable"]
