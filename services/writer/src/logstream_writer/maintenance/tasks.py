"""The list of tasks."""

from logstream_writer.config import MaintenanceConfig
from logstream_writer.maintenance.chunk_interval import ChunkInterval
from logstream_writer.maintenance.columnstore import Columnstore
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.maintenance.inbox import InboxTask
from logstream_writer.maintenance.retention import AgeRetention, SizeRetention
from logstream_writer.maintenance.search_index import SearchIndex
from logstream_writer.maintenance.survey import Survey
from logstream_writer.maintenance.task import Task


def tasks_of(config: MaintenanceConfig, once: bool = False) -> list[Task]:
    """All tasks, in the order to run them in: short ones first. once: for a single run, which can't wait."""
    return [
        ChunkInterval(config.chunk_target_bytes),
        Compaction(),
        AgeRetention(config.retention_days),
        SizeRetention(config.retention_bytes),
        InboxTask(),
        SearchIndex(config.search_index_share, once=once),
        Columnstore(wait=not once),
        Survey(),
    ]
