"""Reads, replays and deletes dead letters, each in a transaction of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg

from logstream_writer.dead_letters.letter import InboxEntry, Letter, Selection, place
from logstream_writer.dead_letters.plan import Choices
from logstream_writer.store import letter_statements as statements
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.replay import Replay, Replayed, StillRefused
from logstream_writer.store.store import session_of

T = TypeVar("T")

APPLICATION: Final = "logstream-dead-letters"


class Letters:
    """One connection, opened when needed. Not thread-safe. Blocks, for minutes at most.

    Every method raises StoreUnavailable; what it was about to change is then changed altogether or not at all.
    """

    def __init__(self, database_url: str) -> None:
        self._conninfo = session_of(database_url, APPLICATION)
        self._connection: psycopg.Connection[Any] | None = None

    def newest(self, selection: Selection, limit: int) -> Iterator[Letter]:
        """The newest ones first, one at a time in memory."""
        with self._errors():
            found = self._connect().cursor(binary=True).stream(statements.NEWEST, selection.parameters() | {"limit": limit})
            yield from (Letter(*row) for row in found)

    def totals(self, selection: Selection) -> Mapping[str, int]:
        """How many there are by reason."""
        return self._call(lambda connection: dict(connection.execute(statements.TOTALS, selection.parameters()).fetchall()))

    def ids(self, selection: Selection) -> Sequence[int]:
        """The oldest first."""
        return self._call(lambda connection: [one for (one,) in connection.execute(statements.IDS, selection.parameters())])

    def get(self, letter_id: int) -> Letter | None:
        def read(connection: psycopg.Connection[Any]) -> Letter | None:
            row = connection.execute(statements.LETTER, [letter_id], binary=True).fetchone()
            return Letter(*row) if row else None

        return self._call(read)

    def inbox(self, letter: Letter) -> InboxEntry | None:
        """The batch that the letter's sequence or else its id names, if it is known."""

        def read(connection: psycopg.Connection[Any]) -> InboxEntry | None:
            if letter.sequence is not None:
                number, _ = place(letter.sequence)
                row = connection.execute(statements.INBOX_BY_NUMBER, [number], binary=True).fetchone()
            else:
                where = (letter.project, letter.batch_id)
                row = connection.execute(statements.INBOX_BY_ID, where, binary=True).fetchone()
            return InboxEntry(row[0], row[1], row[2], row[3] or (), row[4]) if row else None

        return self._call(read)

    def replay(self, letter_id: int, choices: Choices, dry_run: bool) -> Replayed:
        """Deletes the letter and stores what it holds, or, in a dry run, takes both back.

        Raises Stays: nothing is changed, but for the detail of a record that is refused again.
        """
        try:
            return self._call(lambda connection: Replay(connection, choices).run(letter_id, dry_run))
        except StillRefused as refused:
            detail = refused.detail
            if not dry_run:
                self._call(lambda connection: connection.execute(statements.STILL_REFUSED, [detail, letter_id]))
            raise

    def delete(self, letter_id: int) -> Letter | None:
        """The letter that was deleted; None: there is none."""

        def take(connection: psycopg.Connection[Any]) -> Letter | None:
            row = connection.execute(statements.TAKE, [letter_id], binary=True).fetchone()
            return Letter(*row) if row else None

        return self._call(take)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _call(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        with self._errors():
            return work(self._connect())

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            self.close()
            raise StoreUnavailable(str(error).strip() or repr(error), error.sqlstate) from error

    def _connect(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
        return self._connection
