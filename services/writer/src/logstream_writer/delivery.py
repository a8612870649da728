"""A message as the consumer hands it on, independent of the client library."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
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
    # Deliveries before this one after which the consumer may have died of it; a lost connection alone does not count.
    suspicion: int = 0
