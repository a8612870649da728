"""Decodes stored batches into rows, each once while it is of interest. It must not decode what nobody looks at: it is only
called for viewers."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from logstream_contract.rows import Origin, Rows, rows_of

from logstream_stream.stored import StoredBatch

_KEPT_RECORDS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Decoded:
    rows: Rows
    indexes: list[int]  # of the records that are stored


class Decoder:
    """Keeps the latest batches decoded, for viewers that join meanwhile."""

    def __init__(self, kept_records: int = _KEPT_RECORDS) -> None:
        self._limit = kept_records
        self._kept: OrderedDict[str, Decoded] = OrderedDict()
        self._records = 0

    def decode(self, batch: StoredBatch) -> Decoded:
        """Raises Undecodable (from logstream_contract.batches)."""
        found = self._kept.get(batch.name)
        if found is None:
            rows = rows_of(batch.raw, Origin(batch.number, batch.received_ns, batch.floor_ns))
            found = Decoded(rows, [index for index in range(len(rows)) if index not in batch.refused])
            self._kept[batch.name] = found
            self._records += len(rows)
            while self._records > self._limit and len(self._kept) > 1:
                self._records -= len(self._kept.popitem(last=False)[1].rows)
        return found

    def forget(self) -> None:
        """Frees what is kept."""
        self._kept.clear()
        self._records = 0
