"""Counts of a flush's records by minute, node and level, as log_counts keeps them. Pure."""

from collections import Counter
from collections.abc import Iterable

from logstream_contract.rows import Rows

MINUTE_US = 60_000_000

# (start of the minute in microseconds since the Unix epoch, node, level)
CountKey = tuple[int, str, str]


def add_counts(counts: Counter[CountKey], rows: Rows, without: Iterable[int] = ()) -> None:
    """Adds the rows but for the indexes in `without`."""
    first = min(rows.times_us) // MINUTE_US
    if max(rows.times_us) // MINUTE_US == first:
        # The usual case costs no Python a record.
        for level, count in Counter(rows.levels).items():
            counts[first * MINUTE_US, rows.node, level] += count
    else:
        for time, level in zip(rows.times_us, rows.levels, strict=True):
            counts[time // MINUTE_US * MINUTE_US, rows.node, level] += 1
    for index in without:
        counts[rows.times_us[index] // MINUTE_US * MINUTE_US, rows.node, rows.levels[index]] -= 1
