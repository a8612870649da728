"""How much of the disk the logs may take: LOGSTREAM_RETENTION_BYTES of a stack's writers, from the space that is free."""

import shutil
from pathlib import Path

GIB = 2**30
# Of the same disk: the write-ahead log of PostgreSQL (4 GiB), the write queue (2 GiB) and the space that its broker's alarm
# asks for, logs. The same number stands in deploy/compose/env.
BESIDE_BYTES = 8 * GIB


def retention_bytes(room_bytes: int) -> int:
    """70 % of the room that there is for everything, less what lies beside the records; a tenth of it at least."""
    return max((room_bytes - BESIDE_BYTES) * 7 // 10, room_bytes // 10)


def room_bytes(data: Path) -> int:
    """What is free on the disk of the data folder, and what this takes itself."""
    own = sum(file.lstat().st_blocks * 512 for file in data.rglob("*"))
    return shutil.disk_usage(data).free + own
