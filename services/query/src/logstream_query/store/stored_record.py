"""A record as it is stored. Pure."""

from collections.abc import Mapping
from typing import NamedTuple


class StoredRecord(NamedTuple):
    """In the order in which logstream_contract.rows.records.record takes them. time_us: microseconds since the epoch."""

    sequence: int
    time_us: int
    severity: int
    level: str
    node: str
    message: str
    attributes: Mapping[str, str] | None
