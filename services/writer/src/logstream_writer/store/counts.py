"""Counts of records by minute, node, level and severity, as log_counts keeps them, and of how many names. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from logstream_contract.counted_names import MOST_NAMES, MOST_NAMES_OF_NODE, OTHER, folded_level
from logstream_contract.rows.columns import Block
from logstream_contract.rows.rows import Rows

MINUTE_US = 60_000_000

# (start of the minute in microseconds since the Unix epoch, node, level, severity)
CountKey = tuple[int, str, str, int]
# Of one minute, or of another time that is summed up: (node, level, severity)
Name = tuple[str, str, int]


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
    is_stored = np.repeat(np.array(stored), block.counts)
    minutes = block.times_us[is_stored] // MINUTE_US
    first = int(minutes.min())
    batches = np.repeat(np.arange(len(stored)), block.counts)[is_stored]
    codes = ((minutes - first) * len(stored) + batches) * kinds + block.kinds[is_stored]
    if int(codes.max()) < 4 * len(codes):
        every = np.bincount(codes)
        codes_present = np.flatnonzero(every)
        numbers = every[codes_present]
    else:
        # Minutes that lie far apart leave too many codes unused.
        codes_present, numbers = np.unique(codes, return_counts=True)
    for code, number in zip(codes_present.tolist(), numbers.tolist(), strict=True):
        minute, batch = divmod(code // kinds, len(stored))
        severity, level = block.level_kinds[code % kinds]
        counts[(first + minute) * MINUTE_US, block.nodes[batch], level, severity] += number


def fold(counts: Counter[CountKey], most: int = MOST_NAMES, most_of_node: int = MOST_NAMES_OF_NODE) -> Counter[CountKey]:
    """The same counts with a bounded number of names in each minute, as fold_names does it."""
    if len(counts) <= most_of_node:
        # The usual case: what it costs is this comparison.
        return counts
    nodes = Counter((minute_us, node) for minute_us, node, _, _ in counts)
    if len(counts) <= most and max(nodes.values()) <= most_of_node:
        return counts
    minutes: defaultdict[int, dict[Name, int]] = defaultdict(dict)
    for (minute_us, node, level, severity), count in counts.items():
        minutes[minute_us][node, level, severity] = count
    folded: Counter[CountKey] = Counter()
    for minute_us, names in minutes.items():
        for (node, level, severity), count in fold_names(names, most, most_of_node).items():
            folded[minute_us, node, level, severity] = count
    return folded


def fold_names(
    names: Mapping[Name, int], most: int = MOST_NAMES, most_of_node: int = MOST_NAMES_OF_NODE
) -> Mapping[Name, int]:
    """The same counts under fewer names: the most frequent levels of each node, and of the nodes those with most records.

    The others are counted under OTHER, their severities kept: the sum of each severity stays as it is. First levels give
    way, within their own node, then whole nodes. A level of a known name (is_known_level) is never under OTHER: beyond the
    bound it is counted as spelled in lower case. So there are at most `most` names, and a few hundred of OTHER nodes more.
    """
    if len(names) <= most_of_node:
        return names
    nodes: defaultdict[str, dict[tuple[str, int], int]] = defaultdict(dict)
    for (node, level, severity), count in names.items():
        nodes[node][level, severity] = count
    if len(names) <= most and all(len(levels) <= most_of_node for levels in nodes.values()):
        return names
    nodes = defaultdict(dict, {node: _fold_levels(levels, most_of_node) for node, levels in nodes.items()})
    if sum(map(len, nodes.values())) > most:
        _fold_nodes(nodes, most)
        nodes[OTHER] = _fold_levels(nodes[OTHER], most_of_node)
    return {(node, *level): count for node, levels in nodes.items() for level, count in levels.items()}


def _fold_levels(levels: dict[tuple[str, int], int], most: int) -> dict[tuple[str, int], int]:
    """Of one node, by level and severity."""
    if len(levels) <= most:
        return levels
    named = sorted((level for level in levels if level[0] != OTHER), key=lambda level: (-levels[level], level))
    folded = Counter({level: count for level, count in levels.items() if level[0] == OTHER})
    for rank, (level, severity) in enumerate(named):
        folded[level if rank < most else folded_level(level), severity] += levels[level, severity]
    return dict(folded)


def _fold_nodes(nodes: dict[str, dict[tuple[str, int], int]], most: int) -> None:
    """Takes out the nodes with fewest records, as many as it takes, and adds them to OTHER."""
    totals = {node: sum(levels.values()) for node, levels in nodes.items() if node != OTHER}
    others = Counter(nodes.get(OTHER, {}))
    left = most
    for node in sorted(totals, key=lambda node: (-totals[node], node)):
        if len(nodes[node]) <= left:
            left -= len(nodes[node])
        else:
            others.update(nodes.pop(node))
    nodes[OTHER] = dict(others)
