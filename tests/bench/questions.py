"""What a reader asks of ten hours of records, and how long the answers take through REST and the page's nginx."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import requests

from bench import past
from bench.run import percentile

_LEAST_TRIES, _MOST_TRIES, _TRIES_S = 5, 60, 4.0
_TIMEOUT_S: Final = 60
# A walk that takes more answers than this would never end.
_MOST_ANSWERS: Final = 2_000

Matches = Callable[[Any], int]


class WrongAnswer(RuntimeError):
    """An answer that is none, or not the right one."""


def _records(body: Any) -> int:
    return len(body["records"])


def _total(body: Any) -> int:
    return int(body["total"])


def _neighbours(body: Any) -> int:
    return len(body["before"]) + len(body["after"])


def _size(body: Any) -> int:
    return len(json.dumps(body))


@dataclass(frozen=True)
class Question:
    """walk: it is asked on with the cursor until the search is complete, and the whole walk is timed, too."""

    name: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    matches: Matches = _records
    expected: int | None = None
    walk: bool = False


@dataclass
class Answered:
    first_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    answers: int = 0
    matches: int = 0


def questions(newest: datetime, sequence: str) -> list[Question]:
    """newest: time of the newest record. sequence: of one to show the neighbours of."""
    begin, end = newest - timedelta(hours=past.HOURS), newest + timedelta(milliseconds=1)
    hour = {"start": _iso(end - timedelta(hours=1)), "end": _iso(end)}
    all_hours = {"start": _iso(begin + timedelta(seconds=7)), "end": _iso(end)}
    a_node = {"node": "bench-node-07"}
    logs = "/api/logs"
    return [
        Question("newest page", logs, {}, expected=100),
        Question("by level", logs, {"level": "error"}, expected=100),
        Question("by least level", logs, {"min_level": "warn"}, expected=100),
        Question("by node", logs, a_node, expected=100),
        Question("by level and node", logs, {"level": "info", **a_node}, expected=100),
        Question("by node pattern", logs, {"node": "bench-node-1*"}, expected=100),
        Question("a node long gone", logs, {"node": past.LOST_NODE}, expected=1, walk=True),
        Question("a frequent word", logs, {"q": "cart"}, expected=100),
        # Odd nodes never log debug, which is every sixth record.
        Question("absent: node and level", logs, {"level": "debug", **a_node}, expected=0, walk=True),
        Question(
            "absent in 1 h: node, level and text",
            logs,
            {"level": "info", **a_node, "q": "teleport", **hour},
            expected=0,
            walk=True,
        ),
        Question(
            "absent: node, level and text",
            logs,
            {"level": "info", **a_node, "q": "teleport"},
            expected=0,
            walk=True,
        ),
        Question("absent: two letters", logs, {"q": "zq"}, expected=0, walk=True),
        Question("rare word", logs, {"q": past.NEEDLE}, expected=len(past.NEEDLE_PLACES), walk=True),
        Question("rare part of a word", logs, {"q": past.NEEDLE[2:9].upper()}, expected=len(past.NEEDLE_PLACES), walk=True),
        Question(
            "rare attribute",
            logs,
            {"attr.trace_id": past.NEEDLE_TRACE},
            expected=len(past.TRACE_PLACES),
            walk=True,
        ),
        Question("histogram, 10 h", f"{logs}/histogram", all_hours, _total),
        Question("histogram, 10 h, a node", f"{logs}/histogram", {**all_hours, **a_node}, _total),
        Question("facets, 10 h", f"{logs}/facets", all_hours, _size),
        Question("context of a record", f"{logs}/{sequence}/context", {}, _neighbours, 20),
    ]


class Asker:
    def __init__(self, page_url: str) -> None:
        self._url = page_url
        self._session = requests.Session()

    def once(self, question: Question) -> float:
        """Milliseconds of the first answer."""
        began_s = time.monotonic()
        self._get(question.path, question.parameters)
        return (time.monotonic() - began_s) * 1e3

    def ask(self, question: Question, tries_s: float = _TRIES_S) -> Answered:
        """Asks again and again for a while. Raises WrongAnswer."""
        answered = Answered()
        began_s = time.monotonic()
        while len(answered.first_ms) < _MOST_TRIES:
            self._walk(question, answered)
            # A walk through everything may take a minute; it is not done as often as the others.
            enough = _LEAST_TRIES if time.monotonic() - began_s < 3 * tries_s else 1
            if len(answered.first_ms) >= enough and time.monotonic() - began_s > tries_s:
                break
        if question.expected is not None and answered.matches != question.expected:
            raise WrongAnswer(f"{question.name}: {answered.matches} matches where {question.expected} are")
        return answered

    def _walk(self, question: Question, answered: Answered) -> None:
        began_s = time.monotonic()
        body = self._get(question.path, question.parameters)
        answered.first_ms.append((time.monotonic() - began_s) * 1e3)
        answered.matches = question.matches(body)
        answered.answers = 1
        while question.walk and body["next_cursor"]:
            body = self._get(question.path, {**question.parameters, "cursor": body["next_cursor"]})
            answered.matches += question.matches(body)
            answered.answers += 1
            if answered.answers > _MOST_ANSWERS:
                raise WrongAnswer(f"{question.name}: not complete after {answered.answers} answers")
        answered.whole_ms.append((time.monotonic() - began_s) * 1e3)

    def export(self, records: int) -> tuple[int, float]:
        """Lines of an export of so many records, and records a second."""
        began_s = time.monotonic()
        lines = 0
        with self._session.get(
            f"{self._url}/api/logs/export",
            params={"format": "ndjson", "max_records": str(records)},
            stream=True,
            timeout=_TIMEOUT_S,
        ) as answer:
            if answer.status_code != 200:
                raise WrongAnswer(f"export: status {answer.status_code}: {answer.text[:300]}")
            for piece in answer.iter_content(1 << 20):
                lines += piece.count(b"\n")
        return lines, records / (time.monotonic() - began_s)

    def newest(self) -> tuple[datetime, str]:
        """Time of the newest record, and the sequence of one of the newest."""
        records = self._get("/api/logs", {"limit": "1000"})["records"]
        return datetime.fromisoformat(records[0]["time"]), str(records[500]["sequence"])

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        answer = self._session.get(self._url + path, params=parameters, timeout=_TIMEOUT_S)
        if answer.status_code != 200:
            raise WrongAnswer(f"{answer.url}: status {answer.status_code}: {answer.text[:300]}")
        return answer.json()


def figures(question: Question, answered: Answered, rows: int, state: str, cold_ms: float | None) -> dict[str, Any]:
    """state: warm, or what went on meanwhile."""
    return {
        "name": question.name,
        "state": state,
        "rows": rows,
        "p50_ms": percentile(answered.first_ms, 50),
        "p95_ms": percentile(answered.first_ms, 95),
        "cold_ms": None if cold_ms is None else round(cold_ms, 1),
        "whole_p50_ms": percentile(answered.whole_ms, 50) if question.walk else None,
        "answers": answered.answers,
        "matches": answered.matches,
        "tries": len(answered.first_ms),
    }


_TITLES: Final = {
    "name": "question",
    "state": "state",
    "rows": "rows",
    "matches": "matches",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "cold_ms": "cold ms",
    "whole_p50_ms": "whole walk ms",
    "answers": "answers",
    "per_s": "records/s",
}


def table(runs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Rows of text, the first of them the head."""
    keys = [key for key in _TITLES if any(run.get(key) is not None for run in runs)]
    return [[_TITLES[key] for key in keys], *([_text(run.get(key)) for key in keys] for run in runs)]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _iso(time_: datetime) -> str:
    return time_.astimezone(UTC).isoformat().replace("+00:00", "Z")
