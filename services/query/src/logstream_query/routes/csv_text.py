"""Records as comma-separated values (RFC 4180, UTF-8) that a spreadsheet shows unchanged and never executes. Pure.

Source: OWASP, "CSV Injection": a spreadsheet may take a cell for a formula if it begins with = + - @ TAB CR LF or a
full-width form of the first four. An apostrophe in front makes it a text. Control characters except TAB, CR and LF are
written as in JSON, because a terminal would act on them and CSV has no escapes of its own.
"""

import csv
import io
from collections.abc import Iterable
from typing import Final

import orjson
from logstream_contract.rows.invisible import escape_invisible
from logstream_contract.rows.timestamps import iso_micros

from logstream_query.store import StoredRecord

COLUMNS: Final = ("time", "sequence", "severity", "level", "node", "message", "attributes")
_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_CONTROLS: Final = bytes(set(range(0x20)) - set(b"\t\r\n"))


def csv_header() -> bytes:
    return _lines([COLUMNS])


def csv_lines(records: Iterable[StoredRecord]) -> bytes:
    """One line for each record, in the order of COLUMNS. attributes is a JSON object, or empty if there are none."""
    return _lines(
        (
            iso_micros(time_us),
            sequence,
            severity,
            _as_text(level),
            _as_text(node),
            _as_text(message),
            orjson.dumps(attributes).decode() if attributes else "",
        )
        for sequence, time_us, severity, level, node, message, attributes in records
    )


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell[:1] in _FORMULA_STARTS else cell


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    encoded = text.getvalue().encode()
    if len(encoded.translate(None, _CONTROLS)) != len(encoded):
        for byte in _CONTROLS:
            encoded = encoded.replace(bytes([byte]), b"\\u%04x" % byte)
    return escape_invisible(encoded)
