"""Dead letters as text for people and as JSON for scripts. Pure. Texts of senders must not reach a terminal unchanged:
control characters are escaped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from logstream_writer.dead_letters.dead_letter import BatchRows, Contents, DeadLetter, InboxEntry, split_sequence

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HEADINGS: Final = ("ID", "WHEN", "REASON", "NODE", "RECORDS", "BYTES", "SEQUENCE", "DETAIL")
# Right-aligned: numbers.
_NUMBERS: Final = frozenset({"ID", "RECORDS", "BYTES", "SEQUENCE"})
_NODE_CHARACTERS: Final = 30
_DETAIL_CHARACTERS: Final = 100
_TEXT_CHARACTERS: Final = 2_000
_ATTRIBUTES: Final = 64


@dataclass(frozen=True, slots=True)
class Summary:
    """A dead letter without its bytes."""

    letter: DeadLetter  # without its body
    bytes: int
    contents: Contents


def printable(text: str, most: int | None = None) -> str:
    """The text on one line, escaped as in a Python literal, and cut to `most` characters."""
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii") for character in text
    )


def moment(time_us: int | None) -> str | None:
    """ISO 8601 in UTC, to the microsecond."""
    if time_us is None:
        return None
    try:
        return (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except OverflowError:
        # After the year 9999, which the database can store.
        return f"{time_us} µs"


def table(summaries: Sequence[Summary]) -> Iterator[str]:
    """A line of headings, then one aligned line for each."""
    lines = [_HEADINGS, *map(_cells, summaries)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    for line in lines:
        cells = [
            cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)
            for cell, width, heading in zip(line, widths, _HEADINGS, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def totals_line(totals: Mapping[str, int], shown: int) -> str:
    """How many there are, by reason."""
    if not totals:
        return "no dead letters"
    every = sum(totals.values())
    parts = ", ".join(f"{reason} {count}" for reason, count in totals.items())
    return f"{every} in total: {parts}" + (f"; the newest {shown} are shown" if shown < every else "")


def summary_object(summary: Summary) -> dict[str, Any]:
    """The fields of `list --json`; a sequence is text, as everywhere, because JavaScript numbers are too small for it."""
    letter = summary.letter
    return {
        "id": letter.id,
        "created_at": moment(letter.created_us),
        "received_at": moment(letter.received_us),
        "reason": letter.reason,
        "project": letter.project,
        "nodes": list(summary.contents.nodes),
        "records": summary.contents.records,
        "bytes": summary.bytes,
        "batch_id": letter.batch_id and str(letter.batch_id),
        "sequence": None if letter.sequence is None else str(letter.sequence),
        "detail": letter.detail,
    }


def letter_object(
    summary: Summary, entry: InboxEntry | None, batches: Sequence[BatchRows], problem: str, advice: str
) -> dict[str, Any]:
    """The fields of `show --json`."""
    inbox = entry and {
        "number": str(entry.number),
        "records": entry.records,
        "received_at": moment(entry.received_us),
        "refused": list(entry.refused),
    }
    return summary_object(summary) | {
        "inbox": inbox,
        "replay": advice,
        "problem": problem or None,
        "batches": [
            {
                "batch_id": batch.batch_id,
                "node": batch.rows.node,
                "records": [_record_object(batch, index) for index in range(len(batch.rows))],
            }
            for batch in batches
        ],
    }


def letter_text(
    summary: Summary, entry: InboxEntry | None, batches: Sequence[BatchRows], problem: str, advice: str
) -> Iterator[str]:
    """The same for people: one fact per line, then the records."""
    letter = summary.letter
    facts = {
        "id": str(letter.id),
        "reason": letter.reason,
        "detail": letter.detail,
        "created": moment(letter.created_us),
        "received": moment(letter.received_us) or "unknown",
        "project": letter.project,
        "batch id": letter.batch_id and str(letter.batch_id),
        "sequence": letter.sequence and "{} (batch {}, record {})".format(letter.sequence, *split_sequence(letter.sequence)),
        "bytes": str(summary.bytes),
        "inbox": _inbox_text(letter, entry),
        "replay": advice,
        "problem": problem,
    }
    for name, value in facts.items():
        if value:
            yield f"{name:<10} {printable(value, _TEXT_CHARACTERS)}"
    for batch in batches:
        yield ""
        yield f"batch {batch.batch_id} of {printable(batch.rows.node)}"
        for index in range(len(batch.rows)):
            yield from _record_text(batch, index)
    shown = sum(len(batch.rows) for batch in batches)
    if shown < (summary.contents.records or 0):
        yield ""
        yield f"the first {shown} of {summary.contents.records} records are shown; --records shows more"


def outcome_text(outcome: Mapping[str, Any]) -> str:
    """One line: what happened to one dead letter."""
    head = f"{outcome['id']}  {outcome['outcome']}"
    if "why" in outcome:
        return f"{head}: {printable(outcome['why'], _TEXT_CHARACTERS)}"
    parts = [f"{outcome['reason']}"]
    if "records" in outcome:
        parts.append(f"{_records(outcome['records'])} stored")
    if outcome.get("known"):
        parts.append(f"{_records(outcome['known'])} already stored with their batches")
    if outcome.get("older"):
        parts.append(f"{_records(outcome['older'])} older than the retention period, will be deleted soon")
    if outcome.get("letters"):
        parts.append(f"new dead letters: {', '.join(outcome['letters'])}")
    return f"{head}  {'; '.join(parts)}"


def _records(count: int) -> str:
    return f"{count} record{'' if count == 1 else 's'}"


def _cells(summary: Summary) -> tuple[str, ...]:
    letter, contents = summary.letter, summary.contents
    return (
        str(letter.id),
        (moment(letter.created_us) or "")[:19] + "Z",
        letter.reason,
        printable(",".join(contents.nodes), _NODE_CHARACTERS) or "-",
        "-" if contents.records is None else str(contents.records),
        str(summary.bytes),
        "-" if letter.sequence is None else str(letter.sequence),
        printable(letter.detail, _DETAIL_CHARACTERS),
    )


def _inbox_text(letter: DeadLetter, entry: InboxEntry | None) -> str | None:
    if letter.batch_id is None:
        return None
    if entry is None:
        return "no batch with this id or number"
    refused = f", refused: {', '.join(map(str, entry.refused))}" if entry.refused else ""
    return f"batch {entry.number}, {entry.records} records, received {moment(entry.received_us)}{refused}"


def _record_object(batch: BatchRows, index: int) -> dict[str, Any]:
    rows = batch.rows
    return {
        "time": moment(rows.times_us[index]),
        "severity": rows.severities[index],
        "level": rows.levels[index],
        "message": rows.messages[index],
        "attributes": rows.attributes[index] or {},
    }


def _record_text(batch: BatchRows, index: int) -> Iterator[str]:
    rows = batch.rows
    level, message = printable(rows.levels[index]), printable(rows.messages[index], _TEXT_CHARACTERS)
    yield f"  {moment(rows.times_us[index])} {level} {message}"
    yield from (f"    {line}" for line in _attribute_lines((rows.attributes[index] or {}).items()))


def _attribute_lines(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for number, (key, value) in enumerate(pairs):
        if number == _ATTRIBUTES:
            yield "…"
            return
        yield f"{printable(key, _TEXT_CHARACTERS)} = {printable(value, _TEXT_CHARACTERS)}"
