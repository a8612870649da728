"""Reading logs: the last lines, of logs short, long and missing."""

from pathlib import Path

from logstream_local.logs import tail


def test_the_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"line {i}\n" for i in range(100_000)), encoding="utf-8")
    assert tail(path, 2) == ["line 99998", "line 99999"]


def test_a_short_log_is_shown_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("only\n", encoding="utf-8")
    assert tail(path, 10) == ["only"]


def test_a_missing_log_has_no_lines(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log", 10) == []
