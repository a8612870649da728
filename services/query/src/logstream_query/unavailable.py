"""Why a request couldn't be answered although nothing was wrong with it. No library's error is known here."""


class Unavailable(Exception):
    """The database didn't answer. `reason` is a label of the metric, the text is told to the client.

    retry_after_s None: asking the same again at once won't help.
    """

    reason: str
    status: int = 503
    title: str = ""  # the status's own phrase
    retry_after_s: int | None = 2


class DatabaseUnavailable(Unavailable):
    """It can't be reached, is starting or shutting down."""

    reason = "away"


class DatabaseBusy(Unavailable):
    """All connections of this process are in use, and none came free in time."""

    reason = "busy"


class SchemaMissing(Unavailable):
    """The tables aren't there, or not as this version knows them."""

    reason = "schema"
    retry_after_s = 5


class StatementTimeout(Unavailable):
    """The database worked on a statement longer than it may."""

    reason = "timeout"
    status = 504
    retry_after_s = None


class RegexTooExpensive(StatementTimeout):
    """A regular expression took the database longer than one may."""

    reason = "regex"
    title = "Regular expression too expensive"


class ClientGone(Unavailable):
    """Nobody waits for the answer any more. The status, nginx's own for this, is seen in metrics only."""

    reason = "client_gone"
    status = 499
    title = "Client Closed Request"
    retry_after_s = None


class TooManySearches(Unavailable):
    """This process searches for as many requests as it may at a time."""

    reason = "searches"
    status = 429
    retry_after_s = 1


class TooManyAnswers(Unavailable):
    """What the answers under way in this process hold is as much as they may."""

    reason = "answers"
    retry_after_s = 1
