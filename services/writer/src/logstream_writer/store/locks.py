"""Locks of the database by which flushes and the search index heed each other.

They are locks of a table, not advisory ones, because anybody who may read could take the latter and stop all flushes.
"""

from typing import Final

# Taken by every flush before its batches get their numbers, until its commit. It is what an INSERT into the table takes, so
# flushes, the index's own writes and readers go along with each other.
SHARE_FLUSHING: Final = "LOCK TABLE search_segments IN ROW EXCLUSIVE MODE"
# Whoever has this one knows that all numbers given so far are committed or never will be.
HOLD_FLUSHING: Final = "LOCK TABLE search_segments IN SHARE MODE"
