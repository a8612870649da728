"""The errors of the database as the writer handles them."""

import psycopg

# A statement has waited for a lock for as long as the session lets it.
LockTimeout = psycopg.errors.LockNotAvailable


class StoreUnavailable(Exception):
    """The work was not committed, or it is not known whether it was, and no record is to blame: try again."""

    def __init__(self, text: str, sqlstate: str | None) -> None:
        super().__init__(text)
        # The database returned an error. Otherwise the connection was lost or could not be opened.
        self.answered = sqlstate is not None
        self.sqlstate_class = (sqlstate or "")[:2] or "none"


def unavailable(error: Exception) -> StoreUnavailable:
    """error: of psycopg, whose SQLSTATE is kept."""
    return StoreUnavailable(str(error).strip() or repr(error), getattr(error, "sqlstate", None))


# SQLSTATE classes that blame the data: data exception, integrity constraint violation, program limit exceeded.
# Source: PostgreSQL documentation, appendix A.
BLAMES_A_RECORD = frozenset({"22", "23", "54"})
