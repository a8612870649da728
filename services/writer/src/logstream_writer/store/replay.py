"""Replays one dead letter in one transaction: either the dead letter is deleted and its rows are stored, or nothing changes.
It uses the statements of a flush."""

import hashlib
from dataclasses import dataclass
from typing import Any

import psycopg
from logstream_contract.wire.batches import Undecodable
from psycopg.rows import class_row

from logstream_writer.dead_letters.dead_letter import DeadLetter
from logstream_writer.dead_letters.plan import (
    Choices,
    NotReplayable,
    PlannedBatches,
    PlannedRecord,
    UnknownDeadLetter,
    as_new,
    derived_id,
    plan,
)
from logstream_writer.inbound import DIGEST_BYTES, Inbound
from logstream_writer.store import dead_letter_statements as statements
from logstream_writer.store.copy_format import encode
from logstream_writer.store.counts import add_counts
from logstream_writer.store.errors import BLAMES_A_RECORD
from logstream_writer.store.locks import SHARE_FLUSHING
from logstream_writer.store.store import BisectingFlush, Flush, Flushed, refusal

_NANOS_A_MICRO = 1_000


class StillRefused(NotReplayable):
    """The database refuses the record again, with this detail."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"still refused: {detail}")
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did. records: rows stored; known: records of batches that were stored before; older: rows that are
    past the retention; letters: the reasons of new dead letters, for what could not be stored."""

    letter: DeadLetter
    records: int = 0
    known: int = 0
    older: int = 0
    letters: tuple[str, ...] = ()


class Replay:
    """connection: in autocommit mode, with the timeouts of a flush."""

    def __init__(self, connection: psycopg.Connection[Any], choices: Choices) -> None:
        self._connection = connection
        self._choices = choices

    def run(self, letter_id: int, dry_run: bool = False) -> Replayed:
        """Raises NotReplayable; psycopg.Error: it may be committed or not. A dry run undoes everything."""
        with self._connection.transaction() as transaction:
            cursor = self._connection.cursor(binary=True, row_factory=class_row(DeadLetter))
            letter = cursor.execute(statements.TAKE, [letter_id]).fetchone()
            if letter is None:
                raise UnknownDeadLetter
            planned = plan(letter, self._choices)
            done = (
                self._store_refused_record(letter, planned)
                if isinstance(planned, PlannedRecord)
                else self._flush(letter, planned)
            )
            if dry_run:
                raise psycopg.Rollback(transaction)
        return done

    def _store_refused_record(self, letter: DeadLetter, planned: PlannedRecord) -> Replayed:
        self._reject_too_old(max(planned.rows.times_us))
        where = {"number": planned.rows.number, "index": planned.index, "time_us": planned.rows.times_us[0]}
        self._connection.execute(SHARE_FLUSHING)
        if self._connection.execute(statements.ACCEPT, where).rowcount:
            _RefusedRecordFlush(self._connection).store(letter, planned)
            return Replayed(letter=letter, records=1)
        if self._connection.execute(statements.INBOX_BY_NUMBER, [planned.rows.number]).fetchone():
            raise NotReplayable(
                f"the inbox lists its record (sequence {letter.sequence}) as stored; if the record is there, delete "
                "the dead letter"
            )
        if not self._choices.as_new:
            raise NotReplayable(
                "its batch is no longer in the inbox; --as-new stores the record under a new id and sequence"
            )
        try:
            return self._flush(letter, as_new(letter, self._choices))
        except Undecodable as error:
            raise NotReplayable(f"it can't be decoded: {error}") from error

    def _flush(self, letter: DeadLetter, planned: PlannedBatches) -> Replayed:
        inbound = planned.inbound
        if planned.parts and not self._is_known(letter):
            inbound = planned.parts
        latest_us = max((batch.to_us for batch in inbound.batches), default=None)
        limit_us = self._reject_too_old(latest_us) if latest_us is not None else 0
        flush = BisectingFlush(self._connection, inbound)
        flushed = flush.run()
        if flushed.batches or not flush.failures:
            return self._replayed(letter, flushed, limit_us)
        raise NotReplayable(f"replay failed: {flush.failures[0]}")

    def _replayed(self, letter: DeadLetter, flushed: Flushed, limit_us: int) -> Replayed:
        new = [stored for stored in flushed.batches if not stored.known]
        return Replayed(
            letter=letter,
            records=sum(stored.batch.records - len(stored.refused) for stored in new),
            known=sum(stored.batch.records for stored in flushed.batches if stored.known),
            older=_older([stored.batch for stored in new], limit_us),
            letters=tuple(flushed.dead_letters),
        )

    def _is_known(self, letter: DeadLetter) -> bool:
        where = (letter.project, letter.batch_id)
        return self._connection.execute(statements.INBOX_BY_ID, where).fetchone() is not None

    def _reject_too_old(self, latest_us: int) -> int:
        """Returns the time before which records are past the retention. Raises NotReplayable if all of them are."""
        row = self._connection.execute(statements.NOW).fetchone()
        assert row
        limit_us: int = row[0] - self._choices.retention_nanos // _NANOS_A_MICRO
        if latest_us < limit_us:
            raise NotReplayable("all its records are older than LOGSTREAM_RETENTION_DAYS and would be deleted at once")
        return limit_us


def _older(batches: list[Any], limit_us: int) -> int:
    rows = [batch.rows() for batch in batches if batch.from_us < limit_us]
    return sum(time_us < limit_us for batch_rows in rows for time_us in batch_rows.times_us)


class _RefusedRecordFlush(Flush):
    """One record at its own index of a batch that is stored."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection, Inbound())

    def store(self, letter: DeadLetter, planned: PlannedRecord) -> None:
        """Raises NotReplayable."""
        try:
            self._copy_rows([encode(planned.rows, first=planned.index)])
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] not in BLAMES_A_RECORD:
                raise
            raise StillRefused(refusal(error)) from error
        add_counts(self._counts, planned.rows)
        self._insert_counts()
        values = {
            "project": letter.project,
            "batch_id": derived_id(letter),
            "digest": hashlib.blake2b(letter.body, digest_size=DIGEST_BYTES).digest(),
            "time_us": planned.rows.times_us[0],
            "sequence": letter.sequence,
        }
        if not self._cursor.execute(statements.INSERT_REPLAYED, values).rowcount:
            raise NotReplayable("the inbox says that it was replayed before; if its record is there, delete the dead letter")
