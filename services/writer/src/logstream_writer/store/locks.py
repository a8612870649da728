"""Database locks with which flushes and the search index wait for each other.

They are locks of a table, not advisory ones, because anybody who may read could take an advisory lock and stop all flushes.
"""

from typing import Final

# Taken by every flush before its batches get their numbers, until its commit. It is what an INSERT into the table takes, so
# flushes, the index's own writes and readers go along with each other.
SHARE_FLUSHING: Final = "LOCK TABLE search_segments IN ROW EXCLUSIVE MODE"
# The holder of this lock knows that all numbers given so far are committed or never will be.
HOLD_FLUSHING: Final = "LOCK TABLE search_segments IN SHARE MODE"
