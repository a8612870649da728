"""A message as the consumer passes it on, independent of the client library."""

import hashlib
from dataclasses import dataclass
from typing import Final

NAME_BYTES: Final = 16
# Of each end of a body. A large one is not hashed as a whole: that would take a tenth of the time in which it is stored.
_NAMED_BYTES: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    tag: int
    # Tags belong to one channel: an acknowledgement for an earlier one is void.
    channel_number: int
    body: bytes
    # None when the header is missing or no integer: the message did not come from a gateway.
    received_unix_nano: int | None
    records: int
    project: str
    # Whether it was delivered before, so that it may be stored already.
    redelivered: bool = False
    # Of its batches once they are unpacked.
    unpacked_bytes: int = 0

    @property
    def name(self) -> bytes:
        """Identifies this message. It is the same for every delivery, to any writer."""
        head = b"%d %d " % (self.received_unix_nano or 0, len(self.body))
        return hashlib.blake2b(head + self.body[:_NAMED_BYTES] + self.body[-_NAMED_BYTES:], digest_size=NAME_BYTES).digest()


def undelivered(body: bytes, received_unix_nano: int, project: str) -> Delivery:
    """A message that comes from no broker, such as a dead letter to be replayed: it can't be acknowledged."""
    return Delivery(tag=0, channel_number=0, body=body, received_unix_nano=received_unix_nano, records=0, project=project)
