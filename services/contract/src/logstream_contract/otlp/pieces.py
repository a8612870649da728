"""Many pieces of bytes copied to their places at once, by copying more than is wanted: 64 bytes take numpy as long as one.

What is copied past the end of a piece is overwritten by the pieces behind it, so they must come in the order of their
places. Pure.
"""

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

CHUNK: Final = 64
_AT_ONCE: Final = 1024


def every(buffer: Any, size: int) -> npt.NDArray[Any]:
    """As many bytes as size from each position of the buffer on, as one item each."""
    return np.ndarray(len(buffer) - size + 1, _item(size), buffer, strides=(1,))


@lru_cache(maxsize=256)
def _item(size: int) -> np.dtype[np.void]:
    return np.dtype((np.void, size))


def copy_pieces(source: Bytes, begins: Ints, lengths: Ints, out: Bytes, places: Ints) -> None:
    """Copies pieces of the source to places in out, which ascend. Source and out have CHUNK more bytes than the pieces
    need; what follows a piece in out is not kept."""
    chunks, out_chunks = every(source, CHUNK), every(out, CHUNK)
    long = np.flatnonzero(lengths > CHUNK)
    if len(long):
        # All but the first chunk of each, before any first one: those do not reach as far as the second of a later piece.
        more = (lengths[long] - 1) // CHUNK
        firsts = np.cumsum(more) - more
        piece = np.repeat(long, more)
        step = (np.arange(1, len(piece) + 1) - np.repeat(firsts, more)) * CHUNK
        out_chunks[places[piece] + step] = chunks[begins[piece] + step]
    # What is underway is small enough to stay in the cache and in the heap.
    for first in range(0, len(places), _AT_ONCE):
        those = slice(first, first + _AT_ONCE)
        out_chunks[places[those]] = chunks[begins[those]]


def put(out: Bytes, places: Ints, values: Bytes) -> None:
    """Puts a row of values at each place, or the same bytes everywhere, and touches nothing else."""
    size = values.shape[-1]
    if size:
        every(out, size)[places] = np.ascontiguousarray(values).view(_item(size)).ravel()


def take(source: Bytes, places: Ints, size: int) -> Bytes:
    """A row of size bytes for each place."""
    return every(source, size)[places].view(np.uint8).reshape(len(places), size)
