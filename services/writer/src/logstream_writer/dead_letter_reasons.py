"""Why something was not stored as records. The values are labels of a metric, words of the command line and part of what
names a dead letter in the database: they do not change."""

from enum import StrEnum
from typing import Final


class DeadLetterReason(StrEnum):
    UNDECODABLE = "undecodable"  # neither a message nor a batch of ours
    CONFLICT = "conflict"  # its id is stored already with other bytes
    SPREAD = "spread"  # its record times lie in too many days
    REFUSED = "refused"  # the database refused a single record
    FAILED = "failed"  # an unexpected error while it was decoded, mended or stored
    PARKED = "parked"  # writers died while they flushed it alone


# Of these the body is a whole message of the queue, of the others a batch; of UNDECODABLE it may be either.
MESSAGE_REASONS: Final = (DeadLetterReason.FAILED, DeadLetterReason.PARKED)
