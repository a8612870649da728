"""Batches for a storm: encoded once, then only stamped, so that producers cost the machine next to nothing. Every record
says which one it is, which the verdict reads back from the rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from harness import wire
from harness.senders import new_batch_id

from bench import sdk

# Record i of batch b ends with this; both are counted from 0 for each node.
MARK = "#{batch:08d}.{index:04d}"
MARK_CHARACTERS = len(MARK.format(batch=0, index=0))
MOST_RECORDS = 10_000
# (level, severity, message): 88 to 114 bytes with the mark, 102 on average.
_KINDS = (
    ("info", 9, "GET /api/orders/{a:06d} 200 in {b:03d} ms, {c:05d} bytes, trace {d:016x} "),
    ("info", 9, "payment {a:06d} authorised by the card network in {b:03d} ms, ledger entry {c:05d}, trace {d:016x} "),
    ("debug", 5, "cache miss for product {a:06d}, loaded in {b:03d} ms from shard {c:05d}, trace {d:016x} "),
    ("warn", 13, "retry {c:05d} of the call to inventory for {a:06d} after {b:03d} ms, trace {d:016x} "),
    ("http", 7, "POST /checkout 201 in {b:03d} ms for the cart {a:06d}, worker {c:05d}, trace {d:016x} "),
    ("error", 17, "order {a:06d} could not be shipped: no stock left after {b:03d} ms in {c:05d}, trace {d:016x} "),
)
# A request writes so many records on its way, which share its trace.
_RECORDS_A_TRACE = 10
_REGIONS = ("eu-central", "eu-west", "us-east", "ap-south")

Traces = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Kind:
    """What a producer sends: records a batch, attributes a record, and how far apart the times of its records are. of_sdk:
    instead of `attributes`, those that are stored of a record of an SDK of OpenTelemetry."""

    records: int = 1_000
    attributes: int = 0
    apart_ns: int = 1_000
    of_sdk: bool = False


def traces_of(random: np.random.Generator) -> Traces:
    """The traces that the records of a batch belong to."""
    return random.integers(2**63, size=MOST_RECORDS // _RECORDS_A_TRACE)


def trace_at(traces: Traces, index: int) -> int:
    return int(traces[index // _RECORDS_A_TRACE % len(traces)])


def message_of(random: np.random.Generator, traces: Traces, batch: int, index: int) -> tuple[str, int, str]:
    """Level, severity and message of a record."""
    level, severity, text = _KINDS[int(random.integers(len(_KINDS)))]
    a, b, c = (int(random.integers(top)) for top in (10**6, 10**3, 10**5))
    return level, severity, text.format(a=a, b=b, c=c, d=trace_at(traces, index)) + MARK.format(batch=batch, index=index)


def attributes_of(random: np.random.Generator, count: int) -> dict[str, str]:
    names = ("region", "customer", *(f"tag{i}" for i in range(2, count)))
    values = (_REGIONS[int(random.integers(4))], f"c-{int(random.integers(10**5)):05d}")
    return {name: values[i] if i < 2 else str(i) for i, name in enumerate(names[:count])}


# The time of record i is this and i until it is stamped: bytes that are found again, because no other field holds them.
TIME = 0xA1B2_C3D4_0000_0000


class Stamps:
    """Encoded records whose times and batch number are replaced in place. raw: the bytes as they are now.

    observed: what the second time of record i is with i, if records have one, which gets the value of the first.
    """

    def __init__(self, raw: bytes, kind: Kind, observed: int = 0) -> None:
        self.raw = np.frombuffer(bytearray(raw), dtype=np.uint8)
        times, marks, observed_times, at = [], [], [], 0
        for index in range(kind.records):
            times.append(raw.index((TIME | index).to_bytes(8, "little"), at))
            at = raw.index(MARK.format(batch=0, index=index).encode(), times[-1])
            marks.append(at + 1)
            if observed:
                observed_times.append(raw.index((observed | index).to_bytes(8, "little"), at))
        self._times = [_places(found) for found in (times, observed_times) if found]
        self._marks = _places(marks)
        # The last record is as old as the batch; the others were gathered before it.
        self._ages_ns = (kind.records - 1 - np.arange(kind.records, dtype=np.int64)) * kind.apart_ns

    def put(self, number: int, time_ns: int) -> None:
        stamped = (time_ns - self._ages_ns).view(np.uint8).reshape(-1, 8)
        for times in self._times:
            self.raw[times] = stamped
        self.raw[self._marks] = np.frombuffer(b"%08d" % number, dtype=np.uint8)


def _places(starts: list[int]) -> Any:
    return np.array(starts)[:, None] + np.arange(8)


class StampedBatch:
    """One encoded LogBatch whose id, record times and batch number are replaced in place before it is sent."""

    def __init__(self, node: str, kind: Kind, seed: int) -> None:
        if not 1 <= kind.records <= MOST_RECORDS:
            raise ValueError(f"records={kind.records}: expected 1 to {MOST_RECORDS}")
        random = np.random.default_rng(seed)
        messages = wire.compiled()
        traces = traces_of(random)
        records: list[Any] = []
        for index in range(kind.records):
            level, severity, text = message_of(random, traces, 0, index)
            if kind.of_sdk:
                attributes = sdk.context_of(random, trace_at(traces, index)).stored()
            else:
                attributes = attributes_of(random, kind.attributes)
            records.append(
                messages.LogRecord(
                    time_unix_nano=TIME | index, severity=severity, level=level, message=text, attributes=attributes
                )
            )
        raw = messages.LogBatch(batch_id=bytes(16), node=node, records=records).SerializeToString()
        self.records = kind.records
        self._stamps = Stamps(raw, kind)

    def stamp(self, number: int, time_ns: int) -> tuple[bytes, bytes]:
        """The batch's id, and its bytes as batch number `number` of its node with this record time."""
        batch_id = new_batch_id()
        self._stamps.raw[2:18] = np.frombuffer(batch_id, dtype=np.uint8)
        self._stamps.put(number, time_ns)
        return batch_id, self._stamps.raw.tobytes()


class ClientBatch:
    """The same records, encoded one by one when they are needed, as the Python client does."""

    def __init__(self, node: str, kind: Kind, seed: int) -> None:
        from logstream_client.encoding import encode_batch, encode_record

        self._encode_batch, self._encode_record = encode_batch, encode_record
        random = np.random.default_rng(seed)
        self.records = kind.records
        self._apart_ns = kind.apart_ns
        self._node = node
        self._parts = []
        traces = traces_of(random)
        for index in range(kind.records):
            level, severity, text = message_of(random, traces, 0, index)
            self._parts.append((level, severity, text[:-MARK_CHARACTERS], attributes_of(random, kind.attributes) or None))

    def stamp(self, number: int, time_ns: int) -> tuple[bytes, bytes]:
        first = time_ns - (self.records - 1) * self._apart_ns
        encode = self._encode_record
        records = [
            encode(first + index * self._apart_ns, severity, level, f"{text}#{number:08d}.{index:04d}", attributes)
            for index, (level, severity, text, attributes) in enumerate(self._parts)
        ]
        raw = self._encode_batch(self._node, records)
        return raw[2:18], raw
