"""What a rate leaves out is an even part, announced before what is shown of it, and nothing else."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS, Origin
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_stream.failures import Failures
from logstream_stream.order.live_position import LivePosition
from logstream_stream.records.chunk import Frame
from logstream_stream.records.columns import read_columns
from logstream_stream.records.decoder import Decoded
from logstream_stream.records.framing import NativeFraming
from logstream_stream.records.selection import CompiledFilter, select
from logstream_stream.viewers.channel import Channel

from ..batches import START_NS
from ..world import events

RATE = 100
SIEVE = CompiledFilter(Filter(levels=("warn",)))


def batch(number: int, levels: Iterable[str], message: str = "") -> Decoded:
    """A batch of these records, a microsecond apart, each batch a second after the one before."""
    records = [
        LogRecord(time_unix_nano=START_NS + number * 10**9 + at * 1_000, level=level, message=message)
        for at, level in enumerate(levels)
    ]
    raw = LogBatch(batch_id=bytes(16), node="orders", records=records).SerializeToString()
    return Decoded(read_columns(raw, Origin(number, START_NS, START_NS - 10**15), frozenset()), len(raw))


@dataclass
class Stage:
    now_s: float = 0.0
    rate: int = RATE
    compiled_filter: CompiledFilter | None = None
    offered: dict[str, str] = field(default_factory=dict)  # sequence and time
    shown: list[str] = field(default_factory=list)
    left_out: int = 0
    ranges: list[tuple[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    shown_at: Counter[int] = field(default_factory=Counter)  # by number of the batch
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        failures = Failures(lambda: self.now_s, self.failed.append)
        self.channel = Channel(
            NativeFraming(),
            filter_=None,
            compiled_filter=self.compiled_filter,
            max_rate=self.rate,
            clock=lambda: self.now_s,
            failures=failures,
        )

    def add(self, number: int, levels: Iterable[str], *, numbered: bool = True, message: str = "") -> None:
        decoded = batch(number, levels, message)
        selected = select(decoded, self.compiled_filter)
        if not len(selected):
            return
        body = NativeFraming().logs(selected.rendered(NativeFraming()).pieces, None)
        ((_, whole, _),) = events(body)
        self.offered |= {record["sequence"]: record["time"] for record in whole}
        self.see(self.channel.add(selected, LivePosition("e", number if numbered else 0)))

    def see(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            for name, data, _ in events(frame.body):
                self.names.append(name)
                if name == "logs":
                    assert frame.records == len(data)
                    self.shown += [record["sequence"] for record in data]
                    self.shown_at.update(int(record["sequence"]) >> SEQUENCE_INDEX_BITS for record in data)
                else:
                    assert (name, data["reason"], frame.records) == ("dropped", "rate", 0)
                    assert data["records"] == frame.left_out > 0
                    self.left_out += data["records"]
                    self.ranges.append((data["from"], data["to"]))

    def flush(self) -> None:
        self.see(self.channel.flush())

    def judge(self) -> None:
        self.flush()
        # Batches are numbered in the order in which they come.
        sequences = [int(sequence) for sequence in self.shown]
        assert sequences == sorted(set(sequences))
        assert len(self.shown) + self.left_out == len(self.offered)
        for missing in self.offered.keys() - set(self.shown):
            assert any(start <= self.offered[missing] < end for start, end in self.ranges)


def test_up_to_the_rate_batches_are_shown_as_they_come() -> None:
    stage = Stage()
    for number in range(1, 5):
        stage.add(number, ["info"] * 25)
    stage.judge()
    assert stage.names == ["logs"]
    assert len(stage.shown) == RATE


def test_more_waits_for_the_flush_and_is_announced_before_what_is_shown() -> None:
    stage = Stage()
    stage.add(1, ["info"] * RATE)
    stage.flush()
    stage.add(2, ["info"] * 400)
    assert stage.names == ["logs"]
    stage.now_s = 0.1
    stage.judge()
    assert stage.names == ["logs", "dropped", "logs"]
    assert (len(stage.shown), stage.left_out) == (110, 390)


def test_one_flush_shows_of_every_batch_its_share() -> None:
    stage = Stage(rate=1_000)
    stage.add(1, ["info"] * 1_000)
    stage.now_s = 0.1
    for number, records in ((2, 100), (3, 700), (4, 200)):
        stage.add(number, ["info"] * records)
    # What was there after the first is not for the second alone.
    stage.judge()
    assert stage.shown_at == {1: 1_000, 2: 100}
    stage = Stage(rate=1_000)
    stage.add(1, ["info"] * 1_000)
    stage.add(2, ["info"] * 100)
    stage.add(3, ["info"] * 700)
    stage.add(4, ["info"] * 200)
    stage.now_s = 0.1
    stage.judge()
    assert [stage.shown_at[number] for number in (2, 3, 4)] == [10, 70, 20]


def test_the_rate_is_of_what_the_filter_lets_through() -> None:
    stage = Stage(compiled_filter=SIEVE)
    stage.add(1, ["info", "warn"] * RATE)
    stage.judge()
    assert (len(stage.shown), stage.left_out) == (RATE, 0)
    stage.add(2, ["info", "warn"] * RATE)
    stage.now_s = 0.5
    stage.judge()
    assert (len(stage.shown), stage.left_out) == (RATE + RATE // 2, RATE // 2)


def test_the_range_is_that_of_what_is_left_out() -> None:
    stage = Stage(rate=1)
    stage.add(1, ["info"])
    stage.add(2, ["info"])
    stage.now_s = 1.0
    stage.add(3, ["info"] * 3)
    stage.judge()
    left = sorted(stage.offered[sequence] for sequence in stage.offered.keys() - set(stage.shown))
    ((start, end),) = stage.ranges
    assert start == left[0]
    assert datetime.fromisoformat(end) - datetime.fromisoformat(left[-1]) == timedelta(microseconds=1)


def test_numbered_and_unnumbered_records_are_left_out_apart() -> None:
    stage = Stage(rate=1)
    frames: list[Frame] = []
    for number, position in ((1, 1), (2, 2), (3, 0), (4, 3)):
        selected = select(batch(number, ["info"] * 2), None)
        frames += stage.channel.add(selected, LivePosition("e", position))
    frames += stage.channel.flush()
    found = [(frame.left_out, frame.numbered) for frame in frames if frame.left_out]
    assert found == [(3, True), (2, False), (2, True)]


def test_what_waits_is_bounded_in_records_and_bytes() -> None:
    stage = Stage()
    stage.add(1, ["info"] * RATE)
    for number in range(2, 7):
        stage.add(number, ["info"] * 5_000)
    assert stage.left_out == 20_000
    stage.judge()
    stage = Stage(rate=1)
    stage.add(1, ["info"])
    for number in range(2, 8):
        stage.add(number, ["info"] * 50, message="x" * 60_000)
    assert stage.left_out == 300
    stage.judge()


def test_without_a_rate_nothing_is_left_out() -> None:
    stage = Stage(rate=0)
    for number in range(1, 9):
        stage.add(number, ["info"] * 5_000)
    stage.judge()
    assert stage.left_out == 0


STEPS = st.one_of(
    st.tuples(st.sampled_from([0, 1, 2, 50, 99, 100, 101, 300]), st.booleans()),
    st.sampled_from([0.01, 0.1, 0.5, 1.0, 3.0]),
    st.none(),
)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=40), st.sampled_from([1, 7, 100, 1_000]), st.booleans())
def test_shown_and_left_out_are_always_what_was_offered(steps: list[object], rate: int, filtered: bool) -> None:
    stage = Stage(rate=rate, compiled_filter=SIEVE if filtered else None)
    for number, step in enumerate(steps, 1):
        if isinstance(step, tuple):
            records, numbered = step
            stage.add(number, ["warn", "info", "warn"] * (records // 3) + ["warn"] * (records % 3), numbered=numbered)
        elif isinstance(step, float):
            stage.now_s += step
        else:
            stage.flush()
    stage.judge()
    assert len(stage.shown) <= rate * (1 + stage.now_s)


def test_the_id_after_a_sample_is_behind_everything_it_was_taken_from() -> None:
    stage = Stage(rate=1)
    # The first alone is within the rate; of the others, the fewest of which are shown, one batch is last.
    stage.add(1, ["info"])
    stage.flush()
    stage.now_s += 1
    selections = [select(batch(number, ["info"] * 3), None) for number in range(2, 60)]
    frames = [
        frame
        for number, selected in enumerate(selections, 2)
        for frame in stage.channel.add(selected, LivePosition("e", number))
    ]
    frames += stage.channel.flush()
    (shown,) = [(data, event_id) for frame in frames for name, data, event_id in events(frame.body) if name == "logs"]
    assert len(shown[0]) == 1
    assert shown[1] == "e:59:65535:0"
