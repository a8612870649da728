"""The accounting of many viewers: what each is shown is read to the byte, and every flaw in it is found."""

from dataclasses import replace

import numpy as np
import orjson
import pytest
from bench import fanout
from bench.audience import WANTED, Manner, seats
from bench.crowd import Seen
from bench.shown import Drop, Library, Reader, Shelf, Sight, Span, Unexpected
from bench.tally import Stored, Tally, rows_of, tally

FIRST_US = 1_790_000_000_000_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 2000\n"
EVERYTHING, EVEN = 0, 1
RECEIVED_US = 50_000


def time_us(number: int) -> int:
    return FIRST_US + number * 1_000


def iso(number: int, more_us: int = 0) -> str:
    return str(np.datetime64(time_us(number) + more_us, "us")) + "Z"


def sequence(number: int) -> int:
    """Of record number, ten of which are a batch."""
    return number // 10 << 16 | number % 10


def stored_of(count: int = 100) -> Stored:
    numbers = range(count)
    times = np.array([time_us(number) for number in numbers], dtype=np.int64)
    sequences = np.array([sequence(number) for number in numbers], dtype=np.int64)
    even = np.array([number % 2 == 0 for number in numbers], dtype=bool)
    return Stored(
        sequences=sequences,
        times_us=times,
        received_us=times + RECEIVED_US,
        sent_ns=times * 1_000,
        matches=[np.ones(count, dtype=bool), even],
    )


def logs(numbers: list[int], position: int | None = 7) -> bytes:
    records = b"\ndata: ,".join(
        b'{"sequence":"%d","time":"%b","severity":9,"level":"info","node":"bench-x","message":"one \\"sequence\\":\\"5\\""'
        b',"attributes":{"sequence":"17"}}' % (sequence(number), iso(number).encode())
        for number in numbers
    )
    place = b"" if position is None else b"id: e:%d:65535:1790000000000\n" % position
    return b":\n%bevent: logs\ndata: [%b]\n\n" % (place, records)


def counts(position: int) -> bytes:
    return b'id: e:%d:65535:1790000000000\nevent: counts\ndata: {"records":1}\n\n' % position


def dropped(records: int, first: int, last: int) -> bytes:
    said = b'{"records":%d,"reason":"slow","from":"%b","to":"%b"}'
    return b"event: dropped\ndata: %b\n\n" % (said % (records, iso(first).encode(), iso(last, 1).encode()))


def gap(first: int | None, end: int, received: tuple[int, int] = (0, 1_000)) -> bytes:
    """received: the numbers of records that are received as it begins and as it ends."""
    said = {
        "from": None if first is None else iso(first),
        "to": iso(end),
        "reason": "x",
        "received_from": None if first is None else iso(received[0], RECEIVED_US),
        "received_to": iso(received[1], RECEIVED_US),
    }
    return b"event: gap\ndata: %b\n\n" % orjson.dumps(said)


def judged(*pieces: bytes, wanted: int = EVERYTHING, stored: Stored | None = None) -> Tally:
    """What becomes of a viewer of 100 stored records that is sent these pieces."""
    held = stored or stored_of()
    library, sight = Library(), Sight()
    reader = Reader(sight, Shelf(library))
    for piece in (HEAD, *pieces):
        reader.feed(piece, FIRST_US * 1_000)
    return tally(sight, [rows_of(sequences, held) for sequences in library.sequences], wanted, held)


def test_a_viewer_that_saw_everything_once_is_right() -> None:
    found = judged(logs(list(range(60)), 6), logs(list(range(60, 100)), 10))
    assert (found.received, found.wrong) == (100, "")


def test_a_lost_record_is_found() -> None:
    assert judged(logs([*range(50), *range(51, 100)])).wrong == "holes 1"


def test_a_doubled_record_is_found() -> None:
    assert judged(logs([*range(100), 99])).wrong == "duplicates 1"
    assert judged(logs(list(range(100)), 10), logs([98, 99], 11)).wrong == "duplicates 2"
    assert judged(logs(list(range(100)), 10), logs(list(range(100)), 10)).wrong == "duplicates 100"


def test_an_announced_drop_is_no_hole() -> None:
    found = judged(logs(list(range(50)), 5), dropped(10, 50, 59), logs(list(range(60, 100)), 10))
    assert (found.received, found.dropped_announced, found.wrong) == (90, 10, "")


def test_a_drop_announced_too_small_is_found() -> None:
    assert judged(dropped(9, 50, 59), logs([*range(50), *range(60, 100)])).wrong == "holes 1"


def test_a_drop_announced_too_large_is_found() -> None:
    assert judged(dropped(11, 50, 59), logs([*range(50), *range(60, 100)])).wrong == "overstated 1"


@pytest.mark.parametrize(("first", "last"), [(51, 59), (50, 58), (70, 80)])
def test_a_range_that_does_not_cover_what_is_missing_is_found(first: int, last: int) -> None:
    uncovered = len(set(range(50, 60)) - set(range(first, last + 1)))
    assert judged(dropped(10, first, last), logs([*range(50), *range(60, 100)])).wrong == f"holes {uncovered}"


def test_what_lies_in_a_gap_is_no_hole_and_what_lies_beside_it_is() -> None:
    some = logs([*range(50), *range(60, 100)])
    assert judged(gap(50, 60), some) == Tally(received=90, missing_in_gaps=10, gaps=1)
    assert judged(gap(50, 59), some).wrong == "holes 1"
    assert judged(gap(51, 60), some).wrong == "holes 1"
    assert judged(gap(None, 60), some).wrong == ""


def test_a_gap_excuses_only_what_was_received_when_it_says() -> None:
    some = logs([*range(50), *range(60, 100)])
    # Batches that went live in another order than they were received are given a second.
    assert judged(gap(0, 100, (-900, -900)), some).wrong == ""
    assert judged(gap(0, 100, (-990, -945)), some).wrong == "holes 5"
    assert judged(gap(0, 100, (1_055, 1_200)), some).wrong == "holes 5"


def test_a_filter_decides_what_is_missing_and_what_is_strange() -> None:
    even = list(range(0, 100, 2))
    assert judged(logs(even), wanted=EVEN).wrong == ""
    assert judged(logs(even[1:]), wanted=EVEN).wrong == "holes 1"
    assert judged(logs([*even, 3]), wanted=EVEN).wrong == "strangers 1"
    assert judged(logs([*range(100), 100])).wrong == "strangers 1"
    assert judged(logs([1]), stored=stored_of(0)).wrong == "strangers 1"


def test_a_drop_that_may_come_again_may_be_counted_or_not() -> None:
    held = stored_of()
    for after, wrong in ((list(range(50, 100)), ""), (list(range(60, 100)), ""), (list(range(61, 100)), "holes 1")):
        library, sight = Library(), Sight()
        shelf = Shelf(library)
        first, second = Reader(sight, shelf), Reader(sight, shelf)
        # The connection breaks before an id tells that the dropped records are behind.
        first.feed(HEAD + logs(list(range(50)), 5) + dropped(10, 50, 60) + logs(list(range(60, 70)), 6)[:-1], 1)
        first.end()
        assert (sight.place, [drop.sure for drop in sight.drops]) == (b"e:5:65535:1790000000000", [False])
        second.feed(HEAD + logs(after, 10), 2)
        found = tally(sight, [rows_of(sequences, held) for sequences in library.sequences], EVERYTHING, held)
        assert found.wrong == wrong


def test_a_drop_before_an_id_stays_counted_when_the_connection_breaks() -> None:
    sight = Sight()
    reader = Reader(sight, Shelf(Library()))
    reader.feed(HEAD + dropped(10, 50, 59) + counts(6), 1)
    reader.end()
    assert sight.drops == [Drop(10, Span(time_us(50), time_us(59) + 1), "slow", sure=True)]


@pytest.mark.parametrize("size", [1, 7, 400, 1 << 20])
def test_events_are_read_however_the_bytes_arrive(size: int) -> None:
    library = Library()
    shelf = Shelf(library)
    sent = HEAD + b": \n\n" + logs([1, 2], 1) + counts(1) + b": \n\n" + dropped(1, 3, 3) + logs([4], 2) + logs([5], None)
    for _ in range(2):
        sight = Sight()
        reader = Reader(sight, shelf)
        records = sum(reader.feed(sent[at : at + size], at) for at in range(0, len(sent), size))
        shown = [int(found) for number in sight.events for found in library.sequences[number]]
        assert (records, shown) == (4, [sequence(number) for number in (1, 2, 4, 5)])
        assert (sight.place, [drop.records for drop in sight.drops]) == (b"e:2:65535:1790000000000", [1])
        assert len(sight.arrived_ns) == 3


def test_what_viewers_share_is_looked_into_once_and_what_differs_is_not_mixed_up() -> None:
    library = Library()
    shelf = Shelf(library)
    for _ in range(3):
        Reader(Sight(), shelf).feed(HEAD + logs([1, 2, 3], 4), 1)
    assert len(library.sequences) == 1
    sight = Sight()
    Reader(sight, shelf).feed(HEAD + logs([2, 3], 4) + logs([1, 2, 3], 4), 1)
    assert [library.sequences[number].tolist() for number in sight.events] == [[2, 3], [1, 2, 3]]


def test_bytes_that_are_no_stream_are_refused() -> None:
    for sent in (b"HTTP/1.1 503 Service Unavailable\r\n\r\nfull", HEAD + b"event: news\ndata: {}\n\n", HEAD + b"hello\n\n"):
        with pytest.raises(Unexpected):
            Reader(Sight(), Shelf(Library())).feed(sent, 1)


def test_the_audience_has_its_shares() -> None:
    taken = seats(1_000)
    assert sum(seat.wanted > 0 for seat in taken) == 250
    manners = [seat.manner for seat in taken]
    found = {manner: manners.count(manner) for manner in Manner}
    assert found == {Manner.PROMPT: 900, Manner.SLOW: 50, Manner.SILENT: 25, Manner.ABRUPT: 25}
    assert {seat.wanted for seat in taken} == set(range(len(WANTED)))
    assert {seat.wanted > 0 for seat in taken if seat.manner is not Manner.PROMPT} == {True, False}
    assert seats(1_000) == taken
    assert [(seat.wanted, seat.manner) for seat in seats(1)] == [(0, Manner.PROMPT)]


def test_lag_is_of_those_who_read_promptly() -> None:
    held = replace(stored_of(), sent_ns=np.array([time_us(number) * 1_000 for number in range(100)]))
    library = Library()
    shelf = Shelf(library)
    taken = [replace(seats(1)[0], manner=manner) for manner in (Manner.PROMPT, Manner.SLOW)]
    seen = Seen(library.sequences, [Sight(), Sight()])
    for sight, late_ms in zip(seen.sights, (5, 900), strict=True):
        Reader(sight, shelf).feed(HEAD + logs([20, 21]), (time_us(21) + late_ms * 1_000) * 1_000)
    rows = [rows_of(sequences, held) for sequences in library.sequences]
    assert fanout.lags_ms(taken, seen, rows, held).tolist() == [6.0, 5.0]


def test_the_table_shows_what_there_is() -> None:
    run = {"name": "made up", "viewers": 1_000, "p50_ms": 1.25, "p99_ms": None, "holes": 0}
    assert fanout.table([run]) == [["run", "viewers", "p50 ms", "holes"], ["made up", "1,000", "1.2", "0"]]
