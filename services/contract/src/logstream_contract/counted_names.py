"""The name under which counts keep what is beyond the names of a minute, and how many those are. Pure.

A sender may log under any number of levels and nodes. Counts keep the most frequent; what was counted of the others is
kept together, with its severity, under a name that no sender can have: names are cut to 255 bytes, or refused past them.
"""

from typing import Final

from logstream_contract.filters.lowercase import simple_lower
from logstream_contract.rows.severity import NUMBERS

# Longer than any sender's, and still a word for whoever reads the counts with SQL.
OTHER: Final = "other".ljust(256)

# Names of one sum: of a minute, of ten, of an hour. A name is a node with a level and a severity.
MOST_NAMES: Final = 5_000
# Of these, those of one node: whoever makes up levels takes no room from other nodes.
MOST_NAMES_OF_NODE: Final = 50


def is_known_level(level: str) -> bool:
    """Whether the level, in any case, is a name whose severity is known. Beyond the bound it is counted as it is spelled in
    lower case and never under OTHER: a question for `error` is answered by counts whatever others made up."""
    return simple_lower(level) in NUMBERS


def folded_level(level: str) -> str:
    """What a level beyond the bound is counted under."""
    lowered = simple_lower(level)
    return lowered if lowered in NUMBERS else OTHER
