"""The names and properties of the broker's queues and exchanges. Data only: each service declares them with its own
client."""

from typing import Final

# Taken batches on their way to the writers, published through the default exchange under the queue's name.
WRITE_QUEUE: Final = "logstream.write"
WRITE_QUEUE_ARGUMENTS: Final[dict[str, str | int]] = {
    "x-queue-type": "quorum",
    # The broker deletes nothing on its own: a message that kills its writers is parked by the writer, as a row.
    "x-delivery-limit": -1,
    # A full queue nacks the publish, so that the gateway can reject calls; the limit itself is a policy of the operator.
    "x-overflow": "reject-publish",
    # A database outage may hold a delivery for long: a day, in milliseconds.
    "x-consumer-timeout": 86_400_000,
}

# Stored batches on their way to the viewers; every stream replica binds a queue of its own.
LIVE_EXCHANGE: Final = "logstream.live"
LIVE_EXCHANGE_TYPE: Final = "fanout"

# Headers of a message on the write queue.
HEADER_RECEIVED: Final = "received"  # when the gateway received it, nanoseconds since the Unix epoch
HEADER_RECORDS: Final = "records"  # number of records in all its batches
HEADER_PROJECT: Final = "project"

DEFAULT_PROJECT: Final = "default"
