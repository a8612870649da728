"""Reasons why a valid request cannot be answered. It knows no library's errors."""


class Unavailable(Exception):
    """A valid request cannot be answered. `reason` is a label of the metric; the client gets the text.

    retry_after_s: None if the same request would fail again.
    """

    reason: str
    status: int = 503
    title: str = ""  # the status's own phrase
    retry_after_s: int | None = 2


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, is starting or is shutting down."""

    reason = "away"


class DatabaseBusy(Unavailable):
    """All connections of this process are in use, and none became free in time."""

    reason = "busy"


class SchemaMissing(Unavailable):
    """The tables do not exist, or not as this version expects them."""

    reason = "schema"
    retry_after_s = 5


class StatementTimeout(Unavailable):
    """The database took longer for a statement than it may."""

    reason = "timeout"
    status = 504
    retry_after_s = None


class RegexTooExpensive(StatementTimeout):
    """The database took longer for a regular expression than it may."""

    reason = "regex"
    title = "Regular expression too expensive"


class ClientGone(Unavailable):
    """The client has disconnected. The status is nginx's own for this case and appears only in metrics."""

    reason = "client_gone"
    status = 499
    title = "Client Closed Request"
    retry_after_s = None


class TooManySearches(Unavailable):
    """This process runs as many searches as it may at the same time."""

    reason = "searches"
    status = 429
    retry_after_s = 1


class TooManyAnswers(Unavailable):
    """This process prepares or holds as many responses as it may."""

    reason = "answers"
    retry_after_s = 1
