"""The writer's loop: take, decode, store, announce, acknowledge, in this order for every message."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from logstream_contract.wire.batches import frame_parts
from logstream_contract.wire.live_window import batch_name
from logstream_contract.wire.pb.transport_pb2 import LiveBatch, LiveBatches
from logstream_runtime.retry import retry_until_stopped

from logstream_writer.broker.announcer import Announcer
from logstream_writer.broker.consumer import Consumer
from logstream_writer.delivery import Delivery
from logstream_writer.gathering import Gathering, split
from logstream_writer.inbound import Inbound, decode, park
from logstream_writer.live import LiveEntry, LiveWindow
from logstream_writer.metrics import Metrics
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.store import Flushed, Store, StoredBatch

log = logging.getLogger(__name__)

A = TypeVar("A")
R = TypeVar("R")

_NANOS = 1_000_000_000


class Flusher:
    """Runs in one thread and owns store and window.

    `abandon` ends the waiting for an unavailable database; unstored messages then go back to the broker.
    """

    def __init__(
        self,
        *,
        consumer: Consumer,
        store: Store,
        window: LiveWindow,
        announcer: Announcer,
        retention_nanos: int,
        flush_records: int,
        flush_bytes: int,
        flush_age_s: float,
        abandon: threading.Event,
        metrics: Metrics,
    ) -> None:
        self._consumer = consumer
        self._store = store
        self._window = window
        self._announcer = announcer
        self._retention_nanos = retention_nanos
        self._flush_records = flush_records
        self._flush_bytes = flush_bytes
        self._flush_age_s = flush_age_s
        self._retrying = retry_until_stopped("the database", StoreUnavailable, abandon)
        self._metrics = metrics
        # A try of the current flush failed, but may have been committed.
        self._unclear = False

    def run(self) -> None:
        """Runs until the consumer is stopped and everything it had taken is stored. Raises StoreUnavailable when
        abandoned."""
        while deliveries := self._consumer.take(self._flush_records, self._flush_bytes, self._flush_age_s):
            gatherings = split(deliveries, self._suspected(deliveries))
            # Frees what is stored while nothing new comes, or while the rest is flushed one by one.
            deliveries.clear()
            while gatherings:
                gathering = gatherings.pop(0)
                self._flush(gathering)
                self._consumer.ack(gathering.deliveries)
                del gathering
        self._store.end()

    def _suspected(self, deliveries: Sequence[Delivery]) -> Mapping[bytes, int]:
        redelivered = [delivery.name for delivery in deliveries if delivery.redelivered]
        return self._retrying(self._count_failures, self._store.suspected, redelivered) if redelivered else {}

    def _flush(self, gathering: Gathering) -> None:
        started_s = time.monotonic()
        inbound = self._read(gathering)
        self._unclear = False
        flushed: Flushed = self._retrying(self._try_flush, inbound)
        self._metrics.flush_seconds.observe(time.monotonic() - started_s)
        self._measure(inbound, flushed)
        # A known batch was announced when it was stored, unless the writer that stored it died first, or an earlier try of
        # this flush stored it without learning of the commit. Announcing it twice does no harm: it keeps its position.
        fresh = [stored for stored in flushed.batches if not stored.known or stored.batch.redelivered or self._unclear]
        try:
            self._announce(fresh)
        except MemoryError:
            raise
        except Exception:
            # The batches are stored, so they are acknowledged.
            log.exception("stored batches could not be announced")
            self._lose(fresh)

    def _read(self, gathering: Gathering) -> Inbound:
        if gathering.parked:
            return Inbound(dead_letters=[park(delivery, gathering.died_alone) for delivery in gathering.deliveries])
        # From here on these messages may end this process.
        self._retrying(self._count_failures, self._store.begin, [delivery.name for delivery in gathering.deliveries])
        inbound = decode(gathering.deliveries, self._retention_nanos)
        if inbound.column_error:
            log.warning("some batches could not be read as columns", extra={"error": inbound.column_error})
        return inbound

    def _try_flush(self, inbound: Inbound) -> Flushed:
        try:
            return self._count_failures(self._store.flush, inbound)
        except StoreUnavailable as error:
            self._unclear = True
            # The messages were decoded and this process lives: if it is ended while it waits, that is not their fault. An
            # unavailable database can't record that, and trying would take as long as the try that failed.
            if error.answered:
                self._store.end()
            raise

    def _count_failures(self, work: Callable[[A], R], argument: A) -> R:
        try:
            return work(argument)
        except StoreUnavailable as error:
            self._metrics.database_failures.labels(error.sqlstate_class).inc()
            raise

    def _measure(self, inbound: Inbound, flushed: Flushed) -> None:
        metrics = self._metrics
        metrics.flushes.inc()
        metrics.bisected_flushes.inc(flushed.bisected)
        metrics.folded_names.inc(flushed.folded_names)
        fresh = [stored for stored in flushed.batches if not stored.known]
        metrics.stored_batches.inc(len(fresh))
        metrics.stored_records.inc(sum(stored.batch.records - len(stored.refused) for stored in fresh))
        for stored in fresh:
            for mend_reason, records in stored.batch.mended.items():
                metrics.mended_records.labels(mend_reason).inc(records)
        metrics.duplicate_batches.inc(len(flushed.batches) - len(fresh) + inbound.duplicates)
        now = time.time_ns()
        for stored in fresh:
            metrics.commit_lag_seconds.observe(max(0, now - stored.batch.received_unix_nano) / _NANOS)
        for reason in flushed.dead_letters:
            metrics.dead_letters.labels(reason).inc()
        if flushed.dead_letters:
            log.warning("stored as dead letters", extra={"reasons": Counter(flushed.dead_letters)})

    def _announce(self, stored: Sequence[StoredBatch]) -> None:
        entries = self._live_entries(stored)
        if not entries:
            return
        positions = self._window.append(entries)
        if positions is None:
            self._metrics.unnumbered_batches.inc(len(entries))
        of_batches = positions.positions if positions else [0] * len(entries)
        message = [LiveBatches(epoch=positions.epoch if positions else "").SerializeToString()]
        # Joined messages are one merged message: the batches' bytes are copied, not encoded again.
        for entry, position in zip(entries, of_batches, strict=True):
            message += frame_parts(
                LiveBatches.BATCHES_FIELD_NUMBER, [LiveBatch(position=position).SerializeToString(), *entry.parts]
            )
        self._announcer.announce(message, sum(entry.records for entry in entries), numbered=positions is not None)

    def _live_entries(self, stored: Sequence[StoredBatch]) -> list[LiveEntry]:
        entries = []
        for stored_batch in stored:
            try:
                entries.append(_live_entry(stored_batch))
            except MemoryError:
                raise
            except Exception:
                log.exception("a stored batch could not be announced")
                self._lose([stored_batch])
        return entries

    def _lose(self, stored: Sequence[StoredBatch]) -> None:
        """Tells viewers that they miss something: connected ones through the announcer's count, and those that resume across
        it through a new epoch."""
        self._window.miss()
        self._metrics.unnumbered_batches.inc(len(stored))
        self._announcer.lose(sum(stored_batch.batch.records - len(stored_batch.refused) for stored_batch in stored))


def _live_entry(stored: StoredBatch) -> LiveEntry:
    batch = stored.batch
    head = LiveBatch(
        number=stored.number,
        received_unix_nano=batch.received_unix_nano,
        floor_unix_nano=max(0, batch.floor_unix_nano),
        project=batch.project,
        refused=stored.refused,
        batch_id=batch.batch_id.bytes,
    )
    parts = [head.SerializeToString(), *batch.carried.live_parts()]
    return LiveEntry(batch_name(stored.number, batch.batch_id.bytes), batch.records - len(stored.refused), parts)
