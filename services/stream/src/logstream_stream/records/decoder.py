"""Decodes stored batches into columns and renders them, each once while somebody needs it. It must not be called for batches
that no viewer is sent."""

import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from logstream_contract.filters.lowercase import simple_lower
from logstream_contract.rows.rows import Origin
from logstream_contract.units import MIB

from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.records.columns import Columns, read_columns
from logstream_stream.records.framing import Framing
from logstream_stream.records.rendering import Rendered

# If at most one in this many records is needed, only those are rendered, unless the whole batch was.
_FEW: Final = 8
_KEPT_RECORDS: Final = 20_000
_KEPT_BYTES: Final = 48 * MIB
# Memory of one record besides its texts: the objects that hold its columns.
_RECORD_BYTES: Final = 150


class Decoded:
    """A batch's stored records. raw_bytes: length of the encoded batch."""

    __slots__ = ("_lowered", "_lowered_bytes", "_rendered", "columns", "on_growth", "raw_bytes")

    def __init__(self, columns: Columns, raw_bytes: int) -> None:
        self.columns = columns
        self.raw_bytes = raw_bytes
        # Called with the number of bytes when it takes more memory.
        self.on_growth: Callable[[int], object] | None = None
        self._lowered_bytes = 0
        self._rendered: dict[Framing, Rendered] = {}
        self._lowered: list[str] | None = None

    @property
    def indexes(self) -> Sequence[int]:
        """The index of each record in the batch; ascending."""
        return self.columns.indexes

    def rendered(self, framing: Framing, rows: Sequence[int] | None = None) -> Rendered:
        """The stored records as this framing writes them. rows: only the records in these rows."""
        rendered = self._rendered.get(framing)
        if rendered is None:
            if rows is not None and len(rows) * _FEW <= len(self.columns):
                return framing.render(self.columns.only(rows))
            rendered = self._rendered[framing] = framing.render(self.columns)
            if self.on_growth:
                self.on_growth(rendered.cost_bytes)
        return rendered if rows is None else rendered.only(rows)

    def lowered(self) -> list[str]:
        """The messages in lower case, as filters compare them."""
        if self._lowered is None:
            # No message contains a NUL. They are split first if one is not ASCII: lowering it would slow down all of them.
            together = b"\0".join(self.columns.messages).decode()
            # A str takes up to four bytes for each character, and so does each part of it.
            self._lowered_bytes = sys.getsizeof(together) + _RECORD_BYTES * len(self.columns)
            if self.on_growth:
                self.on_growth(self._lowered_bytes)
            if together.isascii():
                self._lowered = simple_lower(together).split("\0")
            else:
                self._lowered = list(map(simple_lower, together.split("\0")))
        return self._lowered

    @property
    def cost_bytes(self) -> int:
        """About how much memory it takes, including everything that was made from it."""
        made_bytes = sum(rendered.cost_bytes for rendered in self._rendered.values()) + self._lowered_bytes
        return self.raw_bytes + _RECORD_BYTES * len(self.columns) + made_bytes


class Decoder:
    """Keeps batches that viewers read from the window, since others may be reading the same, and the batch decoded last.

    Live batches are needed once. Keeping all of them would push every record out of the processor's cache, for the sake of
    the few that a new viewer is sent. kept_bytes: bytes of memory.
    """

    def __init__(self, kept_records: int = _KEPT_RECORDS, kept_bytes: int = _KEPT_BYTES) -> None:
        self._most_records = kept_records
        self._most_bytes = kept_bytes
        self._last: tuple[str, Decoded] | None = None
        self._kept: OrderedDict[str, Decoded] = OrderedDict()
        self._records = 0
        self._bytes = 0

    def decode(self, batch: StoredBatch) -> Decoded:
        """Raises Undecodable (logstream_contract.wire.batches)."""
        decoded = self._decoded(batch)
        if decoded is None:
            # Accessing raw may unpack it.
            raw, origin = batch.raw, Origin(batch.number, batch.received_ns, batch.floor_ns)
            decoded = Decoded(read_columns(raw, origin, batch.refused), len(raw))
        self._last = batch.name, decoded
        return decoded

    def decode_and_keep(self, batch: StoredBatch) -> Decoded:
        """Like decode(), for a batch that a viewer reads from the window."""
        decoded = self.decode(batch)
        if batch.name not in self._kept:
            self._kept[batch.name] = decoded
            self._records += len(decoded.columns)
            decoded.on_growth = self._grow
            self._grow(decoded.cost_bytes)
        return decoded

    def _grow(self, size: int) -> None:
        self._bytes += size
        while (self._records > self._most_records or self._bytes > self._most_bytes) and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            oldest.on_growth = None
            self._records -= len(oldest.columns)
            self._bytes -= oldest.cost_bytes

    def _decoded(self, batch: StoredBatch) -> Decoded | None:
        if self._last and self._last[0] == batch.name:
            return self._last[1]
        return self._kept.get(batch.name)

    def forget(self) -> None:
        """Frees everything that is kept."""
        self._last = None
        for decoded in self._kept.values():
            decoded.on_growth = None
        self._kept.clear()
        self._records = self._bytes = 0
