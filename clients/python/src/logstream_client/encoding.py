"""Turns records into the bytes of logstream.v1.LogBatch. It must not block, hold state or reject a record because of its
text.

A record is encoded once, when it is logged, as a batch that holds nothing else. Joining such bytes makes a larger batch:
concatenated protobuf messages are one merged message (Protocol Buffers encoding, "Last One Wins" and concatenation). So the
sizes that are counted in between are the exact sizes on the wire.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from logstream_client.batch_id import new_batch_id
from logstream_client.pb.logs_pb2 import LogBatch, LogRecord

BATCH_RECORDS: Final = 5_000
# The gateway's 4 MiB, less room for the id and the node (at most 16 and 255 bytes, with their tags and lengths).
RECORDS_BYTES: Final = 4 * 1024 * 1024 - 512
NODE_BYTES: Final = 255
MESSAGE_BYTES: Final = 64 * 1024
RECORD_ATTRIBUTES: Final = 64
HIGHEST_SEVERITY: Final = 24

# A character has at most four bytes in UTF-8.
_SURELY_SHORT_CHARACTERS: Final = MESSAGE_BYTES // 4


def check_node(node: str) -> str:
    """Returns node. Raises ValueError unless it is 1 to 255 bytes of UTF-8."""
    size_bytes = len(node.encode())
    if not 1 <= size_bytes <= NODE_BYTES:
        raise ValueError(f"node: {size_bytes} bytes, expected 1 to {NODE_BYTES}: the name of the service that logs")
    return node


def encode_record(
    time_unix_nano: int, severity: int, level: str, message: str, attributes: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of a record, for encode_batch.

    A message is cut after 64 KiB, as logstream does, and the attribute `sender.message_bytes` keeps its length. If there are
    more than 64 attributes, the first are kept, and `sender.attributes_dropped` holds the number of the others. Lone
    surrogates become `?`. A severity outside 0..24 becomes 0, which means: derived from the level.
    """
    sent: Mapping[str, str] = attributes or {}
    added: dict[str, str] = {}
    if len(message) > _SURELY_SHORT_CHARACTERS:
        message, size_bytes = _cut(message)
        if size_bytes > MESSAGE_BYTES:
            added["sender.message_bytes"] = str(size_bytes)
    if len(sent) + len(added) > RECORD_ATTRIBUTES:
        room = RECORD_ATTRIBUTES - len(added) - 1
        added["sender.attributes_dropped"] = str(len(sent) - room)
        sent = dict(list(sent.items())[:room])
    if added:
        sent = {**sent, **added}
    number: Any = severity if 0 <= severity <= HIGHEST_SEVERITY else 0
    try:
        record = LogRecord(time_unix_nano=time_unix_nano, severity=number, level=level, message=message, attributes=sent)
    except UnicodeEncodeError:
        record = LogRecord(
            time_unix_nano=time_unix_nano,
            severity=number,
            level=_encodable(level),
            message=_encodable(message),
            attributes={_encodable(name): _encodable(value) for name, value in sent.items()},
        )
    return LogBatch(records=[record]).SerializeToString()


def encode_batch(node: str, records: Iterable[bytes]) -> bytes:
    """The bytes of a batch of encoded records with a new id. A retry must send the same bytes."""
    return LogBatch(batch_id=new_batch_id(), node=node).SerializeToString() + b"".join(records)


def _cut(message: str) -> tuple[str, int]:
    encoded = message.encode("utf-8", "replace")
    if len(encoded) <= MESSAGE_BYTES:
        return message, len(encoded)
    return encoded[:MESSAGE_BYTES].decode("utf-8", "ignore"), len(encoded)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
