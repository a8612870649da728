"""The stored records of one batch as columns. They are read by logstream_contract.rows.columns if it can, otherwise by
logstream_contract.rows.rows, which gives the same records. Here a record's index in the columns is called its row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson
from logstream_contract.rows.columns import Block, Source, read_block
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS, Origin, Rows, rows_of
from logstream_contract.wire.batches import split_batch

Ints = npt.NDArray[np.int64]

# With fewer records than this a block costs more than rows: its steps cost the same for any number of records.
_BLOCK_RECORDS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    number: int  # of the batch
    node: str
    indexes: Sequence[int]  # of each record in the batch, ascending; a range from 0 when it is all
    times_us: Ints
    kinds: Ints  # which of level_kinds
    level_kinds: list[tuple[int, str]]  # severity and level
    messages: list[bytes]  # UTF-8, without NUL
    members: list[
        bytes
    ]  # the attributes as members of a JSON object, b"" where there are none; empty when there are none at all

    def __len__(self) -> int:
        return len(self.indexes)

    def sequences(self) -> Ints:
        """The sequence of each record. Batch numbers leave room for the index in 63 bits."""
        first = self.number << SEQUENCE_INDEX_BITS
        if isinstance(self.indexes, range):
            return np.arange(first, first + len(self.indexes), dtype=np.int64)
        return np.array(self.indexes, np.int64) + first

    def levels(self) -> dict[str, int]:
        """How many records have each level."""
        counts: dict[str, int] = {}
        for (_, level), count in zip(self.level_kinds, np.bincount(self.kinds).tolist(), strict=False):
            if count:
                counts[level] = counts.get(level, 0) + count
        return counts

    def without(self, refused: frozenset[int]) -> "Columns":
        """The records without those at these indexes of the batch."""
        if not refused:
            return self
        return self.only([at for at, index in enumerate(self.indexes) if index not in refused])

    def only(self, rows: Sequence[int]) -> "Columns":
        """The records in these rows, which ascend."""
        return Columns(
            number=self.number,
            node=self.node,
            indexes=[self.indexes[row] for row in rows],
            times_us=self.times_us[rows],
            kinds=self.kinds[rows],
            level_kinds=self.level_kinds,
            messages=[self.messages[row] for row in rows],
            members=[self.members[row] for row in rows] if self.members else [],
        )


def read_columns(raw: bytes, origin: Origin, refused: frozenset[int]) -> Columns:
    """The records of an encoded LogBatch without the refused ones. Raises Undecodable (logstream_contract.wire.batches)."""
    batch = split_batch(raw)
    records = list(batch.records)
    if len(records) >= _BLOCK_RECORDS:
        block = read_block([Source(batch.node, records, origin)])
        if block.plain[0]:
            return columns_of_block(block, origin.number).without(refused)
    return columns_of_rows(rows_of(raw, origin)).without(refused)


def columns_of_block(block: Block, number: int) -> Columns:
    """block: one plain batch."""
    return Columns(
        number=number,
        node=block.nodes[0],
        indexes=range(len(block.messages)),
        times_us=block.times_us,
        kinds=block.kinds,
        level_kinds=block.level_kinds,
        messages=block.messages,
        members=block.attributes,
    )


def columns_of_rows(rows: Rows) -> Columns:
    numbers: dict[tuple[int, str], int] = {}
    kinds = [numbers.setdefault(pair, len(numbers)) for pair in zip(rows.severities, rows.levels, strict=True)]
    members: list[bytes] = []
    if any(rows.attributes):
        members = [orjson.dumps(attributes)[1:-1] if attributes else b"" for attributes in rows.attributes]
    return Columns(
        number=rows.number,
        node=rows.node,
        indexes=range(len(rows)),
        times_us=np.array(rows.times_us, np.int64),
        kinds=np.array(kinds, np.int64),
        level_kinds=list(numbers),
        messages=[message.encode() for message in rows.messages],
        members=members,
    )
