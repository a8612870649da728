"""Indexes what flushes stored, in a bounded share of the time, so that it hardly slows ingest."""

import time
from typing import Final

from logstream_writer.maintenance.task import Report
from logstream_writer.store.errors import LockTimeout
from logstream_writer.store.search_index import SearchIndexer
from logstream_writer.store.session import Connection

# Between runs: hardly anything while more waits, so that other tasks get their turn and no more.
_AT_ONCE_S: Final = 0.5
_SOON_S: Final = 5.0
# A stop of the process waits for a pause.
_LONGEST_PAUSE_S: Final = 3.0


class SearchIndex:
    """share: of the time of a run that is worked; 0: nothing is indexed. once: everything, without pauses, however little
    it is; else at most a segment a run."""

    name: Final = "search_index"

    def __init__(self, share: float, once: bool = False) -> None:
        self._share = share
        self._once = once
        self.every_s = _SOON_S

    def run(self, connection: Connection) -> Report:
        if not self._share:
            return Report(facts={"note": "switched off"})
        indexer = SearchIndexer(connection, self._pause)
        try:
            indexed = indexer.run(everything=self._once, most_segments=None if self._once else 1)
        except LockTimeout:
            # A flush took long, and others must not queue up because of the index.
            return Report(facts={"note": "gave up waiting for running flushes"})
        self.every_s = _AT_ONCE_S if indexed.segments else _SOON_S
        return Report(
            done={"segments": indexed.segments, "rows": indexed.rows, "merged_segments": indexed.merged},
            state={"unindexed_records": indexer.waiting()},
            routine=True,
        )

    def _pause(self, worked_s: float) -> None:
        if not self._once:
            time.sleep(min(worked_s * (1 / self._share - 1), _LONGEST_PAUSE_S))
