"""The command line of `dead-letters`. Wrong arguments end the process with status 2 and a message that says what was
expected."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from logstream_contract.units import SECONDS_OF_UNIT

from logstream_writer.dead_letter_reasons import DeadLetterReason
from logstream_writer.dead_letters.dead_letter import Selection
from logstream_writer.dead_letters.plan import Times

_LARGEST_ID: Final = (1 << 63) - 1
_SHOWN_DEAD_LETTERS: Final = 50
_SHOWN_RECORDS: Final = 20

Verb = Literal["list", "show", "replay", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The parsed command line. Most fields belong to some verbs only."""

    verb: Verb
    selection: Selection
    json: bool = False
    limit: int = _SHOWN_DEAD_LETTERS
    records: int = _SHOWN_RECORDS
    raw: str | None = None
    as_new: bool = False
    times: Times | None = None
    dry_run: bool = False


def read_arguments(argv: Sequence[str]) -> Arguments:
    """Ends the process if the arguments are wrong or ask for help."""
    parser = argparse.ArgumentParser(
        prog="python -m logstream_writer dead-letters",
        description="List, show, replay or delete dead letters: data that could not be stored as records.",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list | show | replay | delete")
    for add in (_add_list, _add_show, _add_replay, _add_delete):
        add(verbs)
    parsed = parser.parse_args(argv)
    fields = vars(parsed)
    ids, reason, since_s = fields.pop("ids", None), fields.pop("reason", None), fields.pop("since", None)
    if parsed.verb in ("replay", "delete"):
        every = fields.pop("all")
        if sum((bool(ids), reason is not None, every)) != 1:
            parser.error(f"{parsed.verb}: expected exactly one of: ids, --reason, --all")
        if ids and since_s is not None:
            parser.error(f"{parsed.verb}: --since can be combined with --reason or --all, but not with ids")
    selection = Selection(list(dict.fromkeys(ids)) if ids else None, reason, since_s)
    return Arguments(selection=selection, **fields)


def _add_list(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("list", help="list the newest dead letters, and count all by reason", allow_abbrev=False)
    _add_reason(parser)
    _add_since(parser)
    parser.add_argument(
        "--limit",
        type=_count,
        default=_SHOWN_DEAD_LETTERS,
        metavar="N",
        help="show at most N dead letters (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def _add_show(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("show", help="show everything about one dead letter, with its records", allow_abbrev=False)
    parser.add_argument("ids", type=_id, nargs=1, metavar="ID")
    parser.add_argument(
        "--records",
        type=_count,
        default=_SHOWN_RECORDS,
        metavar="N",
        help="show at most N records (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--raw",
        metavar="FILE",
        help="write the raw bytes to FILE instead, which must not exist yet (-: standard output)",
    )


def _add_replay(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("replay", help="store dead letters as records", allow_abbrev=False)
    _add_selection(parser)
    parser.add_argument(
        "--as-new",
        action="store_true",
        help="store under a new id and sequence if the original ones cannot be used: with the reason conflict, or with the "
        "reason refused if the batch is no longer in the inbox",
    )
    parser.add_argument(
        "--times",
        choices=("own", "received"),
        help="with the reason spread: store records under their own times, or all under the receive time",
    )
    parser.add_argument("--dry-run", action="store_true", help="try each replay, then roll it back")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def _add_delete(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser("delete", help="delete dead letters permanently", allow_abbrev=False)
    _add_selection(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", type=_id, nargs="*", metavar="ID")
    _add_reason(parser)
    parser.add_argument("--all", action="store_true", help="all dead letters")
    _add_since(parser)


def _add_reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reason", choices=[reason.value for reason in DeadLetterReason], help="only dead letters with this reason"
    )


def _add_since(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        type=_span,
        metavar="SPAN",
        help="only dead letters from the last SPAN, such as 90s, 30m, 6h, 1d or 2w",
    )


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST_ID):
        raise argparse.ArgumentTypeError(f"{text!r}: expected the id of a dead letter, a number of at least 1")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 1 to 1000000")
    return int(text)


def _span(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number followed by s, m, h, d or w, such as 1d")
    return int(match[1]) * SECONDS_OF_UNIT[match[2]]
