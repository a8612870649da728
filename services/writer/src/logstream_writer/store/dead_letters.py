"""Reads, replays and deletes dead letters, each in a transaction of its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from psycopg.rows import class_row

from logstream_writer.dead_letters.dead_letter import DeadLetter, InboxEntry, Selection, split_sequence
from logstream_writer.dead_letters.plan import Choices
from logstream_writer.store import dead_letter_statements as statements
from logstream_writer.store.database import Database
from logstream_writer.store.replay import Replay, Replayed, StillRefused

APPLICATION: Final = "logstream-dead-letters"


class DeadLetters:
    """One connection, opened when needed. Not thread-safe. Blocks, for minutes at most.

    Every method raises StoreUnavailable; what it was going to change is then changed completely or not at all.
    """

    def __init__(self, database_url: str) -> None:
        self._database = Database(database_url, APPLICATION)

    def newest(self, selection: Selection, limit: int) -> Iterator[DeadLetter]:
        """The newest first; one at a time is in memory."""
        with self._database.session() as connection:
            cursor = connection.cursor(binary=True, row_factory=class_row(DeadLetter))
            yield from cursor.stream(statements.NEWEST, selection.parameters() | {"limit": limit})

    def totals(self, selection: Selection) -> Mapping[str, int]:
        """The number of dead letters by reason."""
        with self._database.session() as connection:
            return dict(connection.execute(statements.TOTALS, selection.parameters()).fetchall())

    def ids(self, selection: Selection) -> Sequence[int]:
        """The oldest first."""
        with self._database.session() as connection:
            return [dead_letter_id for (dead_letter_id,) in connection.execute(statements.IDS, selection.parameters())]

    def get(self, letter_id: int) -> DeadLetter | None:
        with self._database.session() as connection:
            cursor = connection.cursor(binary=True, row_factory=class_row(DeadLetter))
            return cursor.execute(statements.BY_ID, [letter_id]).fetchone()

    def inbox(self, letter: DeadLetter) -> InboxEntry | None:
        """The batch that the dead letter's sequence names, or else its id, if the inbox knows it."""
        with self._database.session() as connection:
            if letter.sequence is not None:
                number, _ = split_sequence(letter.sequence)
                row = connection.execute(statements.INBOX_BY_NUMBER, [number], binary=True).fetchone()
            else:
                where = (letter.project, letter.batch_id)
                row = connection.execute(statements.INBOX_BY_ID, where, binary=True).fetchone()
            return (
                InboxEntry(number=row[0], records=row[1], received_us=row[2], refused=row[3] or (), digest=row[4])
                if row
                else None
            )

    def replay(self, letter_id: int, choices: Choices, dry_run: bool) -> Replayed:
        """Deletes the dead letter and stores its records; a dry run undoes both.

        Raises NotReplayable: then nothing is changed, except the detail of a record that is refused again.
        """
        with self._database.session() as connection:
            try:
                return Replay(connection, choices).run(letter_id, dry_run)
            except StillRefused as refused:
                if not dry_run:
                    connection.execute(statements.STILL_REFUSED, [refused.detail, letter_id])
                raise

    def delete(self, letter_id: int) -> DeadLetter | None:
        """Returns the deleted dead letter, or None if there was none."""
        with self._database.session() as connection:
            cursor = connection.cursor(binary=True, row_factory=class_row(DeadLetter))
            return cursor.execute(statements.TAKE, [letter_id]).fetchone()

    def close(self) -> None:
        self._database.close()
