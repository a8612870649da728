"""How many bytes this replica holds for its viewers, of all of them together: frames that are queued, each counted once
however many viewers share it, and what is being written. It must not decide who has to give way."""


class Ledger:
    """Not thread-safe. most_bytes: more than this are too many; framed_bytes: in frames; written_bytes: in pieces that are
    being written."""

    __slots__ = ("_number", "framed_bytes", "most_bytes", "written_bytes")

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.framed_bytes = 0
        self.written_bytes = 0
        self._number = 0

    @property
    def excess_bytes(self) -> int:
        """How many are too many; 0 or less: none."""
        return self.framed_bytes + self.written_bytes - self.most_bytes

    def hold(self, size: int) -> int:
        """Counts a frame of so many bytes, and answers its number."""
        self.framed_bytes += size
        self._number += 1
        return self._number

    def release(self, size: int) -> None:
        self.framed_bytes -= size
