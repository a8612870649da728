"""How a size limit (LOGSTREAM_RETENTION_BYTES) is divided. Arithmetic only.

Size-based retention keeps the limit by deleting whole chunks, the oldest first. So chunks must be small in comparison, and
data outside chunks must not take the space of records.
"""

from typing import Final

# The target for a chunk is at most the first share of the limit; the second is the maximum.
_CHUNK_SHARE: Final = 16
_LARGEST_CHUNK_SHARE: Final = 8
_DEAD_LETTERS_SHARE: Final = 8
_INBOX_SHARE: Final = 4


def chunk_target(target_bytes: int, limit_bytes: int) -> int:
    """The size that chunks should have, with a limit (0: none) in force."""
    return min(target_bytes, max(1, limit_bytes // _CHUNK_SHARE)) if limit_bytes else target_bytes


def largest_chunk(limit_bytes: int) -> int:
    """The size past which a chunk is too large to be deleted as a whole."""
    return limit_bytes // _LARGEST_CHUNK_SHARE


def dead_letters(limit_bytes: int) -> int:
    """The bytes of dead letters past which the oldest of them are deleted."""
    return limit_bytes // _DEAD_LETTERS_SHARE


def inbox(limit_bytes: int) -> int:
    """The size of the inbox past which it forgets batches whose records are gone sooner than after seven days."""
    return limit_bytes // _INBOX_SHARE
