"""What can go wrong with the database, in the writer's words."""

import psycopg

# A statement has waited for a lock for as long as the session lets it.
LockTimeout = psycopg.errors.LockNotAvailable


class StoreUnavailable(Exception):
    """The flush was not stored, or it is not known to be, and nothing says that a record is to blame: try it again."""

    def __init__(self, text: str, sqlstate: str | None) -> None:
        super().__init__(text)
        # It is there and refuses; otherwise the connection was lost or could not be made.
        self.answered = sqlstate is not None
        self.sqlstate_class = (sqlstate or "")[:2] or "none"


# SQLSTATE classes that blame the data: data exception, integrity constraint violation, program limit exceeded.
# Source: PostgreSQL documentation, appendix A.
BLAMES_A_RECORD = frozenset({"22", "23", "54"})
