"""Counts of a flush's records by minute, node, level and severity, as log_counts keeps them. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from logstream_contract.columns import Block
from logstream_contract.rows import Rows

MINUTE_US = 60_000_000

# (start of the minute in microseconds since the Unix epoch, node, level, severity)
CountKey = tuple[int, str, str, int]


def add_counts(counts: Counter[CountKey], rows: Rows, without: Iterable[int] = ()) -> None:
    """Adds the rows but for the indexes in `without`."""
    first = min(rows.times_us) // MINUTE_US
    if max(rows.times_us) // MINUTE_US == first:
        # The usual case costs no Python a record.
        for (level, severity), count in Counter(zip(rows.levels, rows.severities, strict=True)).items():
            counts[first * MINUTE_US, rows.node, level, severity] += count
    else:
        for time, level, severity in zip(rows.times_us, rows.levels, rows.severities, strict=True):
            counts[time // MINUTE_US * MINUTE_US, rows.node, level, severity] += 1
    for index in without:
        minute_us = rows.times_us[index] // MINUTE_US * MINUTE_US
        counts[minute_us, rows.node, rows.levels[index], rows.severities[index]] -= 1


def add_block_counts(counts: Counter[CountKey], block: Block, stored: Sequence[bool]) -> None:
    """Adds the rows of the stored batches of a block."""
    kinds = len(block.level_kinds)
    if not any(stored):
        return
    kept = np.repeat(np.array(stored), block.counts)
    minutes = block.times_us[kept] // MINUTE_US
    first = int(minutes.min())
    batches = np.repeat(np.arange(len(stored)), block.counts)[kept]
    codes = ((minutes - first) * len(stored) + batches) * kinds + block.kinds[kept]
    if int(codes.max()) < 4 * len(codes):
        every = np.bincount(codes)
        found = np.flatnonzero(every)
        numbers = every[found]
    else:
        # Minutes that lie far apart leave too many codes unused.
        found, numbers = np.unique(codes, return_counts=True)
    for code, number in zip(found.tolist(), numbers.tolist(), strict=True):
        minute, batch = divmod(code // kinds, len(stored))
        severity, level = block.level_kinds[code % kinds]
        counts[(first + minute) * MINUTE_US, block.nodes[batch], level, severity] += number
