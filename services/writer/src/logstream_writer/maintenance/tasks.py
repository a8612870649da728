"""The list of tasks."""

from logstream_writer.config import MaintenanceConfig
from logstream_writer.maintenance import budget
from logstream_writer.maintenance.chunk_interval import ChunkInterval
from logstream_writer.maintenance.chunk_split import ChunkSplit
from logstream_writer.maintenance.columnstore import Columnstore
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.maintenance.inbox import InboxTask
from logstream_writer.maintenance.retention import AgeRetention, SizeRetention
from logstream_writer.maintenance.search_index import SearchIndex
from logstream_writer.maintenance.survey import Survey
from logstream_writer.maintenance.task import Task


def disk_tasks_of(config: MaintenanceConfig) -> list[Task]:
    """The tasks that keep the disk from filling. They can't wait for the others, some of which take minutes."""
    target_bytes = budget.chunk_target(config.chunk_target_bytes, config.retention_bytes)
    return [SizeRetention(config.retention_bytes), ChunkSplit(target_bytes, config.retention_bytes)]


def tasks_of(config: MaintenanceConfig, once: bool = False) -> list[Task]:
    """All other tasks, in the order to run them in: short ones first. once: for a single run, which can't wait, of these and
    those of the disk."""
    target_bytes = budget.chunk_target(config.chunk_target_bytes, config.retention_bytes)
    return [
        ChunkInterval(target_bytes, short=config.retention_bytes > 0),
        Compaction(),
        AgeRetention(config.retention_days),
        *(disk_tasks_of(config) if once else ()),
        InboxTask(),
        SearchIndex(config.search_index_share, once=once),
        Columnstore(wait=not once),
        Survey(),
    ]
