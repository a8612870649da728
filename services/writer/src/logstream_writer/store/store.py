"""Writes one flush in one transaction: the inbox, the rows, their counts and the dead letters, or nothing of it."""

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import psycopg
from logstream_contract.rows.rows import Rows

from logstream_writer.dead_letter_reasons import DeadLetterReason
from logstream_writer.failures import described, storable
from logstream_writer.inbound import Inbound, InboundBatch, Key, NewDeadLetter, conflict, failed, refused
from logstream_writer.store import journal, statements
from logstream_writer.store.copy_format import HEADER, TRAILER, encode_block, encode_rows
from logstream_writer.store.counts import CountKey, add_block_counts, add_counts, fold
from logstream_writer.store.database import Database
from logstream_writer.store.edition import DIRECT_ROWS, SET_DIRECT, copies_directly
from logstream_writer.store.errors import BLAMES_A_RECORD, StoreUnavailable
from logstream_writer.store.locks import SHARE_FLUSHING

log = logging.getLogger(__name__)

_NANOS_A_MICRO = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """A batch that is committed, by this flush or (known) before it. refused: indexes of records that are not stored."""

    batch: InboundBatch
    number: int
    known: bool
    refused: Sequence[int] = ()


@dataclass(slots=True, kw_only=True)
class Flushed:
    """What a flush has stored."""

    batches: list[StoredBatch] = field(default_factory=list)
    dead_letters: list[str] = field(default_factory=list)  # the reasons of new ones
    bisected: bool = False
    folded_names: int = 0  # of the counts, beyond the bound of a minute


def refusal(error: psycopg.Error) -> str:
    """Why the database refuses a record, as its dead letter keeps it."""
    return f"SQLSTATE {error.sqlstate}: {error.diag.message_primary or str(error).strip()}"


class Store:
    """One connection, opened when needed. Not thread-safe. Blocks."""

    def __init__(self, database_url: str) -> None:
        self._database = Database(database_url, "logstream-writer", self._detect_edition)
        self._direct = False
        self._id = uuid.uuid4()
        self._has_begun = False

    def begin(self, messages: Sequence[bytes]) -> None:
        """Writes down that messages of these names are about to be flushed together. Raises StoreUnavailable."""
        with self._database.session() as connection:
            if not self._has_begun:
                journal.forget(connection)
                self._has_begun = True
            journal.begin(connection, self._id, messages)

    def end(self) -> None:
        """Undoes begin(): if this process ends from now on, these messages are not the cause. The database may be
        unavailable."""
        try:
            with self._database.session() as connection:
                journal.end(connection, self._id)
        except StoreUnavailable as error:
            log.info("the journal keeps what this writer was flushing", extra={"error": str(error)})

    def suspected(self, messages: Sequence[bytes]) -> Mapping[bytes, int]:
        """Which of these another writer was flushing when it was last heard of: see journal.suspected. Raises
        StoreUnavailable."""
        with self._database.session() as connection:
            return journal.suspected(connection, self._id, messages)

    def flush(self, inbound: Inbound) -> Flushed:
        """Stores everything of inbound that is not stored yet; committed when it returns.

        Raises StoreUnavailable: then it may or may not be committed, and the same call again finds out.
        """
        with self._database.session() as connection:
            try:
                with connection.transaction():
                    return Flush(connection, inbound, self._direct).run()
            except psycopg.Error as error:
                if (error.sqlstate or "")[:2] not in BLAMES_A_RECORD:
                    raise
                log.warning("the database refused a record; searching for it", extra={"error": str(error).strip()})
            except MemoryError:
                raise
            except Exception as error:
                log.exception("a batch could not be stored; searching for it", extra={"error": described(error)})
            with connection.transaction():
                return BisectingFlush(connection, inbound).run()

    def close(self) -> None:
        self._database.close()

    def _detect_edition(self, connection: psycopg.Connection[Any]) -> None:
        self._direct = copies_directly(connection)


class Flush:
    """The statements of one flush, within a transaction of the caller's. direct: large flushes go into the columnstore."""

    def __init__(self, connection: psycopg.Connection[Any], inbound: Inbound, direct: bool = False) -> None:
        self._cursor = connection.cursor(binary=True)
        self._inbound = inbound
        self._direct = direct
        self._dead_letters = list(inbound.dead_letters)
        self._counts: Counter[CountKey] = Counter()

    def run(self) -> Flushed:
        flushed = Flushed()
        fresh: list[InboundBatch] = []
        if self._inbound.batches:
            self._cursor.execute(SHARE_FLUSHING)
            numbers = self._insert_batches()
            fresh = [batch for batch in self._inbound.batches if batch.key in numbers]
            for batch in fresh:
                batch.number = numbers[batch.key]
            flushed.batches += self._known([batch for batch in self._inbound.batches if batch.key not in numbers])
        flushed.batches += self._copy(fresh)
        flushed.folded_names = self._insert_counts()
        flushed.dead_letters = self._insert_dead_letters()
        return flushed

    def _insert_batches(self) -> dict[Key, int]:
        batches = sorted(self._inbound.batches, key=lambda batch: batch.key)
        self._cursor.execute(
            statements.INSERT_BATCHES,
            (
                [batch.project for batch in batches],
                [batch.batch_id for batch in batches],
                [batch.digest for batch in batches],
                [batch.records for batch in batches],
                [batch.from_us for batch in batches],
                [batch.to_us for batch in batches],
                [batch.received_unix_nano // _NANOS_A_MICRO for batch in batches],
            ),
        )
        return {(project, batch_id): number for project, batch_id, number in self._cursor}

    def _known(self, batches: list[InboundBatch]) -> list[StoredBatch]:
        if not batches:
            return []
        self._cursor.execute(
            statements.KNOWN_BATCHES, ([batch.project for batch in batches], [batch.batch_id for batch in batches])
        )
        rest_of_batch = {(project, batch_id): rest for project, batch_id, *rest in self._cursor}
        stored = []
        for batch in batches:
            number, digest, refused_indexes = rest_of_batch[batch.key]
            if digest == batch.digest:
                stored.append(StoredBatch(batch=batch, number=number, known=True, refused=refused_indexes or ()))
            else:
                self._dead_letters.append(conflict(batch))
        return stored

    def _copy(self, batches: list[InboundBatch]) -> list[StoredBatch]:
        block = self._inbound.block
        numbers: list[int | None] = [None] * len(block.counts)
        others = []
        for batch in batches:
            if batch.block_index is None:
                others.append(batch)
            else:
                numbers[batch.block_index] = batch.number
        if self._direct and sum(batch.records for batch in batches) >= DIRECT_ROWS:
            self._cursor.execute(SET_DIRECT)
        if batches:
            # In pieces: the server stores one while the next is being encoded.
            self._copy_rows(chain(encode_block(block, numbers), self._encode_singly(others, self._counts)))
        add_block_counts(self._counts, block, [number is not None for number in numbers])
        return [StoredBatch(batch=batch, number=batch.number, known=False) for batch in batches]

    def _encode_singly(self, batches: Iterable[InboundBatch], counts: Counter[CountKey]) -> Iterator[bytes]:
        """The rows of batches that are not in the block, which are counted as well. Rows made one by one take several times
        the memory of their bytes, so there are those of one batch at a time."""
        for batch in batches:
            rows = batch.rows()
            add_counts(counts, rows)
            yield from encode_rows(rows)

    def _copy_rows(self, parts: Iterable[bytes]) -> None:
        with self._cursor.copy(statements.COPY_LOGS) as copy:
            copy.write(HEADER)
            for part in parts:
                copy.write(part)
            copy.write(TRAILER)

    def _insert_counts(self) -> int:
        """Returns the number of names that the counts do not keep."""
        counts = fold(self._counts)
        rows = [(*key, count) for key, count in counts.items() if count]
        if rows:
            self._cursor.execute(statements.INSERT_COUNTS, [list(column) for column in zip(*rows, strict=True)])
        return len(self._counts) - len(counts)

    def _insert_dead_letters(self) -> list[str]:
        letters: dict[bytes, NewDeadLetter] = {letter.digest: letter for letter in self._dead_letters}
        if not letters:
            return []
        batch_ids: list[uuid.UUID | None] = [letter.batch_id for letter in letters.values()]
        received = [letter.received_unix_nano for letter in letters.values()]
        self._cursor.execute(
            statements.INSERT_DEAD_LETTERS,
            (
                list(letters),
                [letter.project for letter in letters.values()],
                batch_ids,
                [letter.sequence for letter in letters.values()],
                [letter.reason.value for letter in letters.values()],
                [storable(letter.detail) for letter in letters.values()],
                [letter.body for letter in letters.values()],
                [None if nanos is None else nanos // _NANOS_A_MICRO for nanos in received],
            ),
        )
        return [reason for (reason,) in self._cursor]


class BisectingFlush(Flush):
    """The same, for a flush with records that the database refuses, or batches whose processing fails: under savepoints,
    halved until those batches and records stand alone. One commit still stores everything else."""

    @property
    def failures(self) -> list[str]:
        """The errors of batches that failed."""
        return [letter.detail for letter in self._dead_letters if letter.reason is DeadLetterReason.FAILED]

    def run(self) -> Flushed:
        flushed = super().run()
        flushed.bisected = True
        return flushed

    def _copy(self, batches: list[InboundBatch]) -> list[StoredBatch]:
        """Halves, since a flush may have thousands of batches, and few are to blame."""
        if not batches:
            return []
        counts: Counter[CountKey] = Counter()
        try:
            with self._cursor.connection.transaction():
                self._copy_rows(self._encode_singly(batches, counts))
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] not in BLAMES_A_RECORD:
                raise
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 its cause is looked for
            log.debug("a part of a flush can't be stored", extra={"error": described(error)})
        else:
            self._counts.update(counts)
            return [StoredBatch(batch=batch, number=batch.number, known=False) for batch in batches]
        if len(batches) > 1:
            middle = len(batches) // 2
            return self._copy(batches[:middle]) + self._copy(batches[middle:])
        return self._copy_one(batches[0])

    def _copy_one(self, batch: InboundBatch) -> list[StoredBatch]:
        letters = len(self._dead_letters)
        counts: Counter[CountKey] = Counter()
        try:
            with self._cursor.connection.transaction():
                rows = batch.rows()
                bad = self._bisect(batch, rows, range(len(rows)))
                if bad:
                    self._cursor.execute(statements.MARK_REFUSED, (bad, batch.project, batch.batch_id))
                add_counts(counts, rows, without=bad)
        except (psycopg.Error, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 of one batch, whatever it is
            del self._dead_letters[letters:]
            self._dead_letters.append(failed(batch, error))
            self._cursor.execute(statements.FORGET_BATCH, (batch.number,))
            return []
        self._counts.update(counts)
        return [StoredBatch(batch=batch, number=batch.number, known=False, refused=bad)]

    def _bisect(self, batch: InboundBatch, rows: Rows, indexes: range) -> list[int]:
        """Stores the rows at these indexes, except the refused ones, which it returns."""
        try:
            with self._cursor.connection.transaction():
                self._copy_rows(encode_rows(rows, indexes))
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] not in BLAMES_A_RECORD:
                raise
            if len(indexes) > 1:
                middle = len(indexes) // 2
                return self._bisect(batch, rows, indexes[:middle]) + self._bisect(batch, rows, indexes[middle:])
            self._dead_letters.append(refused(batch, indexes[0], refusal(error)))
            return [indexes[0]]
        return []
