"""Records as a batch holds them: encoded, each behind its tag and its size. And the plain way there, one record at a time,
which knows every record there can be. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from logstream_contract.otlp.messages import LogRecord
from logstream_contract.otlp.records import Pair, native_record, time_of
from logstream_contract.wire.batches import frame_parts
from logstream_contract.wire.pb.transport_pb2 import RawBatch

RECORDS_FIELD = RawBatch.DESCRIPTOR.fields_by_name["records"].number


@dataclass(frozen=True, slots=True)
class Scoped:
    """The records of one scope, as they came, and the attributes that the scope gives them."""

    scope: Sequence[Pair]
    records: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """Records of ours in their order."""

    blocks: Sequence[memoryview]  # together their bytes
    ends: npt.NDArray[np.int64]  # of each record, where it ends in all blocks
    newest_nano: int  # the newest time of them
    timed: bool  # whether each has a time

    def parts(self, most_records: int, most_bytes: int) -> Iterator[tuple[list[memoryview], int]]:
        """In order, as many in each as these bounds let in, or one record: the pieces of its bytes, and how many records."""
        blocks, rest = iter(self.blocks), memoryview(b"")
        begin, begin_byte = 0, 0
        while begin < len(self.ends):
            full = int(np.searchsorted(self.ends, begin_byte + most_bytes, side="right"))
            end = max(begin + 1, min(full, begin + most_records))
            end_byte = int(self.ends[end - 1])
            pieces = []
            while begin_byte < end_byte:
                rest = rest or next(blocks)
                pieces.append(rest[: end_byte - begin_byte])
                rest = rest[len(pieces[-1]) :]
                begin_byte += len(pieces[-1])
            yield pieces, end - begin
            begin = end


def frame_plainly(scopes: Sequence[Scoped], resource: Sequence[Pair]) -> Framed:
    """resource: the attributes that the resource gives to all."""
    frames = []
    newest, timed = 0, True
    for scoped in scopes:
        for encoded in scoped.records:
            record = LogRecord.FromString(encoded)
            time = time_of(record)
            newest, timed = max(newest, time), timed and bool(time)
            frames.append(b"".join(frame_parts(RECORDS_FIELD, [native_record(record, scoped.scope, resource)])))
    return Framed(
        blocks=[memoryview(b"".join(frames))],
        ends=np.cumsum(np.fromiter(map(len, frames), np.int64, len(frames))),
        newest_nano=newest,
        timed=timed,
    )
