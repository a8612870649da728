"""Counts the bytes that this replica holds for all its viewers: queued frames, each counted once even if it is shared, and
what is being written. It must not decide which viewer loses records."""


class Ledger:
    """Not thread-safe. most_bytes: the limit; framed_bytes: bytes in frames; written_bytes: bytes in pieces that are being
    written."""

    __slots__ = ("_number", "framed_bytes", "most_bytes", "written_bytes")

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.framed_bytes = 0
        self.written_bytes = 0
        self._number = 0

    @property
    def excess_bytes(self) -> int:
        """How many bytes are over the limit; 0 or less: none."""
        return self.framed_bytes + self.written_bytes - self.most_bytes

    def hold(self, size: int) -> int:
        """Counts a frame of this size, and returns its number."""
        self.framed_bytes += size
        self._number += 1
        return self._number

    def release(self, size: int) -> None:
        self.framed_bytes -= size
