"""How many names the counts of a minute have, and the name under which they keep all others. Pure.

A sender may log under any number of levels and nodes. Counts keep the most frequent ones. The others are counted together,
by severity, under a name that no sender can have: names are cut to 255 bytes, or rejected if they are longer."""

from typing import Final

from logstream_contract.filters.lowercase import simple_lower
from logstream_contract.rows.severity import NUMBERS

# Longer than any sender's name, and still readable for people who read the counts with SQL.
OTHER: Final = "other".ljust(256)

# Names of one sum: of a minute, of ten, of an hour. A name is a node with a level and a severity.
MOST_NAMES: Final = 5_000
# At most this many of them for one node, so that made-up levels take no room from other nodes.
MOST_NAMES_OF_NODE: Final = 50


def is_known_level(level: str) -> bool:
    """Whether the level, in any case, is a name whose severity is known. Beyond the bound it is counted in lower case
    and never under OTHER, so that a request for `error` can always be answered from counts."""
    return simple_lower(level) in NUMBERS


def folded_level(level: str) -> str:
    """What a level beyond the bound is counted under."""
    lowered = simple_lower(level)
    return lowered if lowered in NUMBERS else OTHER
