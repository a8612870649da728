"""A stored record as JSON in the responses of the services: the native form and that of grpc-log-stream."""

from collections.abc import Mapping
from typing import TypedDict

from logstream_contract.rows.rows import Rows
from logstream_contract.rows.timestamps import iso_micros, iso_millis


class Record(TypedDict):
    """The native shape. A sequence has 63 bits, more than a JavaScript number, so it is a decimal string."""

    sequence: str
    time: str
    severity: int
    level: str
    node: str
    message: str
    attributes: Mapping[str, str]


class SeedRecord(TypedDict):
    """The shape of the seed's two HTTP routes."""

    sequence_number: str
    timestamp: str
    node: str
    level: str
    message: str


def record(
    sequence: int,
    time_us: int,
    severity: int,
    level: str,
    node: str,
    message: str,
    attributes: Mapping[str, str] | None,
) -> Record:
    """time_us: microseconds since the Unix epoch."""
    return {
        "sequence": str(sequence),
        "time": iso_micros(time_us),
        "severity": severity,
        "level": level,
        "node": node,
        "message": message,
        "attributes": attributes or {},
    }


def seed_record(sequence: int, time_us: int, level: str, node: str, message: str) -> SeedRecord:
    """time_us: microseconds since the Unix epoch."""
    return {
        "sequence_number": str(sequence),
        "timestamp": iso_millis(time_us),
        "node": node,
        "level": level,
        "message": message,
    }


def record_of_row(rows: Rows, index: int) -> Record:
    return record(
        rows.sequence(index),
        rows.times_us[index],
        rows.severities[index],
        rows.levels[index],
        rows.node,
        rows.messages[index],
        rows.attributes[index],
    )


def seed_record_of_row(rows: Rows, index: int) -> SeedRecord:
    return seed_record(rows.sequence(index), rows.times_us[index], rows.levels[index], rows.node, rows.messages[index])
