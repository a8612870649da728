"""Makes the ids of batches."""

import os
import time


def new_batch_id() -> bytes:
    """A UUIDv7 as 16 bytes, big-endian: 48 bits of Unix milliseconds, then random bits around version and variant.

    Ids that are made within a millisecond are in no order. Source: RFC 9562, section 5.7.
    """
    id_bytes = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    id_bytes[6] = 0x70 | id_bytes[6] & 0x0F
    id_bytes[8] = 0x80 | id_bytes[8] & 0x3F
    return bytes(id_bytes)
