"""The command line of `dead-letters`, what it prints and what it plans, without a database."""

import uuid
from dataclasses import replace

import pytest
from logstream_contract.wire.batches import Undecodable
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_writer.dead_letters.arguments import Arguments, read_arguments
from logstream_writer.dead_letters.dead_letter import Contents, DeadLetter, Selection, contents, first_rows, read
from logstream_writer.dead_letters.plan import Choices, NotReplayable, PlannedBatches, PlannedRecord, derived_id, plan
from logstream_writer.dead_letters.texts import (
    Summary,
    letter_text,
    outcome_text,
    printable,
    summary_object,
    table,
    totals_line,
)

RECEIVED_US = 1_700_000_000_000_000
DAY_NANOS = 86_400 * 1_000_000_000
CHOICES = Choices(30 * DAY_NANOS)


def raw(batch_id: int, *messages: str, node: str = "orders") -> bytes:
    records = [LogRecord(message=message, level="info", attributes={"k": "v"}) for message in messages]
    return LogBatch(batch_id=uuid.UUID(int=batch_id).bytes, node=node, records=records).SerializeToString()


def letter(reason: str, body: bytes, **given: object) -> DeadLetter:
    made = DeadLetter(
        id=7,
        digest=b"d" * 16,
        project="default",
        reason=reason,
        detail="why",
        batch_id=uuid.UUID(int=1),
        sequence=None,
        received_us=RECEIVED_US,
        created_us=RECEIVED_US + 1_500_000,
        body=body,
    )
    return replace(made, **given)  # type: ignore[arg-type]


def summary(dead_letter: DeadLetter) -> Summary:
    return Summary(dead_letter, len(dead_letter.body), contents(dead_letter.reason, dead_letter.body))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("list", Arguments(verb="list", selection=Selection())),
        (
            "list --reason refused --since 2h --limit 5 --json",
            Arguments(verb="list", selection=Selection(None, "refused", 7_200), json=True, limit=5),
        ),
        ("show 7 --records 3 --raw -", Arguments(verb="show", selection=Selection([7]), records=3, raw="-")),
        (
            "replay 3 1 3 --as-new --times own --dry-run",
            Arguments(verb="replay", selection=Selection([3, 1]), as_new=True, times="own", dry_run=True),
        ),
        ("replay --all --since 1w", Arguments(verb="replay", selection=Selection(None, None, 604_800))),
        ("delete --reason parked", Arguments(verb="delete", selection=Selection(None, "parked"))),
    ],
)
def test_what_is_asked_for(line: str, wanted: Arguments) -> None:
    assert read_arguments(line.split()) == wanted


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("", "list | show"),
        ("burn 1", "burn"),
        ("show", "ID"),
        ("show one", "'one'"),
        ("show 0", "'0'"),
        (f"replay {1 << 63}", str(1 << 63)),
        ("list --since yesterday", "'yesterday'"),
        ("list --since 1day", "'1day'"),
        ("list --reason odd", "'odd'"),
        ("list --limit 0", "'0'"),
        ("replay", "expected exactly one of: ids, --reason, --all"),
        ("replay 1 --all", "expected exactly one of: ids, --reason, --all"),
        ("replay 1 --since 1d", "--since"),
        ("replay 1 --times mine", "'mine'"),
        ("delete", "expected exactly one of: ids, --reason, --all"),
        ("delete --al", "--al"),
    ],
)
def test_a_wrong_word_is_named(line: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_arguments(line.split())
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


def test_what_a_letter_holds() -> None:
    batches = Packer(0).frame(raw(1, "a", "b")) + Packer(1).frame(raw(2, *["c" * 500] * 3, node="payments"))
    assert contents("parked", batches) == Contents(["orders", "payments"], 5)
    assert contents("refused", raw(1, "a")) == Contents(["orders"], 1)
    assert contents("undecodable", b"junk").problem
    assert contents("parked", b"junk").records is None


def test_records_are_shown_up_to_a_number() -> None:
    body = Packer(0).frame(raw(1, "a", "b")) + Packer(0).frame(raw(2, "c", "d")) + Packer(0).frame(raw(3, "e"))
    shown = first_rows(letter("parked", body), CHOICES.retention_nanos, 3)
    assert [batch.rows.messages for batch in shown] == [["a", "b"], ["c"]]
    dead_letter = letter("parked", body)
    lines = list(letter_text(summary(dead_letter), None, shown, "", "advice"))
    assert lines[-1] == "the first 3 of 5 records are shown; --records shows more"
    assert "  2023-11-14T22:13:20.000000Z info a" in lines
    assert "    k = v" in lines


def test_nothing_that_a_sender_wrote_steers_the_terminal() -> None:
    assert printable("a\x1b[31m\n\x07\u202e\x9b한é") == "a\\x1b[31m\\n\\x07\\u202e\\x9b한é"
    assert printable("x" * 50, 10) == "x" * 9 + "…"
    bad = "\x1b]0;owned\x07"
    dead_letter = letter("conflict", raw(1, bad, node=f"n{bad}"), detail=bad)
    lines = [
        *table([summary(dead_letter)]),
        *letter_text(summary(dead_letter), None, first_rows(dead_letter, DAY_NANOS, 9), bad, bad),
    ]
    lines.append(outcome_text({"id": 1, "outcome": "stays", "why": bad}))
    assert all(line.isprintable() for line in lines)
    assert sum("owned" in line for line in lines) == 7


def test_columns_stand_beneath_each_other() -> None:
    first = letter("refused", raw(1, "a"), id=1_234, sequence=5 << 16 | 7, detail="short")
    lines = list(table([summary(first), summary(letter("undecodable", b"junk", batch_id=None))]))
    assert [line.index(line.split()[1]) for line in lines] == [6, 6, 6]
    assert lines[1].split() == [
        "1234", "2023-11-14T22:13:21Z", "refused", "orders", "1", str(len(raw(1, "a"))), "327687", "short",
    ]  # fmt: skip
    assert lines[2].split()[2:7] == ["undecodable", "-", "-", "4", "-"]
    assert totals_line({"parked": 1, "refused": 60}, 50) == "61 in total: parked 1, refused 60; the newest 50 are shown"
    assert totals_line({"parked": 1}, 1) == "1 in total: parked 1"
    assert totals_line({}, 0) == "no dead letters"


def test_a_sequence_is_text_in_json() -> None:
    shown = summary_object(summary(letter("refused", raw(1, "a"), sequence=1 << 60)))
    assert shown["sequence"] == str(1 << 60)
    assert shown["created_at"] == "2023-11-14T22:13:21.500000Z"


def test_what_became_of_a_letter() -> None:
    done = {"id": 1, "outcome": "replayed", "reason": "parked", "records": 1, "known": 2, "older": 0, "letters": ["refused"]}
    assert outcome_text(done) == (
        "1  replayed  parked; 1 record stored; 2 records already stored with their batches; new dead letters: refused"
    )
    assert outcome_text({"id": 1, "outcome": "deleted", "reason": "parked"}) == "1  deleted  parked"


def test_a_refused_record_is_planned_for_its_own_place() -> None:
    planned = plan(letter("refused", raw(1, "a"), sequence=5 << 16 | 7), CHOICES)
    assert isinstance(planned, PlannedRecord)
    assert (planned.rows.number, planned.index, planned.rows.messages) == (5, 7, ["a"])
    with pytest.raises(NotReplayable, match="2 records"):
        plan(letter("refused", raw(1, "a", "b"), sequence=5 << 16 | 7), CHOICES)
    with pytest.raises(NotReplayable, match="no sequence"):
        plan(letter("refused", raw(1, "a")), CHOICES)


def test_new_ids_are_those_of_the_letter_and_valid() -> None:
    dead_letter = letter("conflict", raw(1, "a"))
    # The row's own id says nothing of the bytes: the same letter may come again under another one.
    assert derived_id(dead_letter) == derived_id(replace(dead_letter, id=8))
    assert (
        len({derived_id(dead_letter), derived_id(dead_letter, 1), derived_id(replace(dead_letter, digest=b"e" * 16))}) == 3
    )
    assert (derived_id(dead_letter).version, derived_id(dead_letter).variant) == (8, uuid.RFC_4122)
    planned = plan(dead_letter, replace(CHOICES, as_new=True))
    assert isinstance(planned, PlannedBatches)
    assert [batch.batch_id for batch in planned.inbound.batches] == [derived_id(dead_letter)]


def test_what_did_not_come_from_a_gateway_is_not_decoded() -> None:
    with pytest.raises(Undecodable, match="received"):
        read(letter("undecodable", Packer(0).frame(raw(1, "a")), received_us=None), DAY_NANOS)
    with pytest.raises(NotReplayable, match="received"):
        plan(letter("parked", Packer(0).frame(raw(1, "a")), received_us=None), CHOICES)


def test_of_a_parked_message_the_good_batches_are_read() -> None:
    body = Packer(0).frame(raw(1, "a")) + Packer(0).frame(b"junk")
    inbound = read(letter("parked", body), DAY_NANOS)
    assert [dead_letter.rows().messages for dead_letter in inbound.batches] == [["a"]]
    assert [dead_letter.reason for dead_letter in inbound.dead_letters] == ["undecodable"]
    # Of undecodable bytes all or nothing: half a message may be another kind of message.
    with pytest.raises(Undecodable):
        read(letter("undecodable", body), DAY_NANOS)
