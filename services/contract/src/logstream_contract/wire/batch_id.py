"""Makes batch ids. They do not order batches: ids made in the same millisecond are in no order."""

import os
import time

BATCH_ID_BYTES = 16


def new_batch_id() -> bytes:
    """A UUIDv7 as 16 bytes, big-endian: 48 bits of Unix milliseconds, then random. Source: RFC 9562, section 5.7."""
    random = int.from_bytes(os.urandom(10), "big")
    high = (time.time_ns() // 1_000_000) << 16 | 0x7000 | random >> 68
    low = 0b10 << 62 | random & (1 << 62) - 1
    return (high << 64 | low).to_bytes(BATCH_ID_BYTES, "big")
