"""Runs `dead-letters`: prints to standard output, and logs what was done."""

import dataclasses
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson
from logstream_contract.wire.batches import Undecodable
from logstream_runtime.lifecycle import on_stop_signals

from logstream_writer.dead_letters import texts
from logstream_writer.dead_letters.arguments import Arguments
from logstream_writer.dead_letters.dead_letter import DeadLetter, contents, first_rows
from logstream_writer.dead_letters.plan import Choices, NotReplayable, PlannedRecord, UnknownDeadLetter, plan
from logstream_writer.failures import described
from logstream_writer.store.dead_letters import DeadLetters
from logstream_writer.store.errors import StoreUnavailable

log = logging.getLogger(__name__)

# SQLSTATE classes with which the next one would fail as well: the database is unavailable, or its schema is of another
# release.
_SCHEMA: Final = "42"
_HOPELESS: Final = frozenset({"none", "08", "28", "3D", "57", _SCHEMA})


def run(arguments: Arguments, dead_letters: DeadLetters, retention_nanos: int) -> int:
    """Returns the exit status: 0, or 1 if something that was requested was not done. Blocks."""
    command = _Command(arguments, dead_letters, retention_nanos)
    verbs = {"list": command.list, "show": command.show, "replay": command.replay, "delete": command.delete}
    try:
        status = verbs[arguments.verb]()
        sys.stdout.flush()
        return status
    except StoreUnavailable as error:
        log.error("dead letters", extra={"error": str(error)})
        print(_sentence(error), file=sys.stderr)
    except BrokenPipeError:
        # The reader of the output has closed it. What is left must not fail again at the process's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        dead_letters.close()
    return 1


class _Command:
    def __init__(self, arguments: Arguments, dead_letters: DeadLetters, retention_nanos: int) -> None:
        self._arguments = arguments
        self._dead_letters = dead_letters
        self._choices = Choices(retention_nanos, arguments.as_new, arguments.times)
        self._stopping = threading.Event()

    def list(self) -> int:
        totals = self._dead_letters.totals(self._arguments.selection)
        summaries = map(_summary, self._dead_letters.newest(self._arguments.selection, self._arguments.limit))
        if self._arguments.json:
            for summary in summaries:
                _print_json(texts.summary_object(summary))
            return 0
        shown = [*summaries]
        if shown:
            _print(texts.table(shown))
            print()
        print(texts.totals_line(totals, len(shown)))
        return 0

    def show(self) -> int:
        (letter_id,) = self._arguments.selection.ids or ()
        letter = self._dead_letters.get(letter_id)
        if letter is None:
            return self._problem(f"{letter_id}: {UnknownDeadLetter()}")
        if self._arguments.raw is not None:
            return self._write_raw(letter, self._arguments.raw)
        problem = ""
        try:
            batches = first_rows(letter, self._choices.retention_nanos, self._arguments.records)
        except Undecodable as error:
            batches, problem = [], str(error)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 a dead letter is shown whatever its bytes are
            batches, problem = [], described(error)
        entry = self._dead_letters.inbox(letter) if letter.batch_id else None
        facts = (_summary(letter), entry, batches, problem, self._advice(letter))
        if self._arguments.json:
            _print_json(texts.letter_object(*facts))
        else:
            _print(texts.letter_text(*facts))
        return 0

    def replay(self) -> int:
        return self._each(self._replay)

    def delete(self) -> int:
        return self._each(self._delete)

    def _each(self, work: Callable[[int], Mapping[str, Any]]) -> int:
        """Each in its own transaction. A signal ends the loop between two of them."""
        on_stop_signals(self._stopping.set)
        selection = self._arguments.selection
        ids = selection.ids if selection.ids is not None else self._dead_letters.ids(selection)
        status = 0
        for index, letter_id in enumerate(ids):
            if self._stopping.is_set():
                return self._problem(f"stopped after {index} of {len(ids)} dead letters")
            outcome = work(letter_id)
            log.info("dead letter", extra={"letter": outcome})
            if self._arguments.json:
                _print_json(outcome)
            else:
                print(texts.outcome_text(outcome))
            # What is done is done, whatever comes after it.
            sys.stdout.flush()
            if "why" in outcome or outcome.get("letters"):
                status = 1
        if not ids and not self._arguments.json:
            print("no dead letters")
        return status

    def _replay(self, letter_id: int) -> Mapping[str, Any]:
        try:
            done = self._dead_letters.replay(letter_id, self._choices, self._arguments.dry_run)
        except UnknownDeadLetter as error:
            return {"id": letter_id, "outcome": "unknown", "why": str(error)}
        except NotReplayable as error:
            return {"id": letter_id, "outcome": "stays", "why": str(error)}
        except StoreUnavailable as error:
            if error.sqlstate_class in _HOPELESS:
                raise
            return {"id": letter_id, "outcome": "stays", "why": _sentence(error)}
        except MemoryError:
            raise
        except Exception as error:
            # The error concerns this one; the next one may succeed.
            log.exception("a dead letter can't be replayed", extra={"id": letter_id})
            return {"id": letter_id, "outcome": "stays", "why": f"replay failed: {described(error)}"}
        return {
            "id": letter_id,
            "outcome": "would be replayed" if self._arguments.dry_run else "replayed",
            "reason": done.letter.reason,
            "records": done.records,
            "known": done.known,
            "older": done.older,
            "letters": list(done.letters),
        }

    def _delete(self, letter_id: int) -> Mapping[str, Any]:
        letter = self._dead_letters.delete(letter_id)
        if letter is None:
            return {"id": letter_id, "outcome": "unknown", "why": str(UnknownDeadLetter())}
        return {"id": letter_id, "outcome": "deleted", "reason": letter.reason}

    def _advice(self, letter: DeadLetter) -> str:
        """What a replay would do or need, as far as the dead letter alone tells."""
        try:
            planned = plan(letter, self._choices)
        except NotReplayable as error:
            return str(error)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 a dead letter is shown whatever its bytes are
            return f"a replay would fail: {described(error)}"
        if isinstance(planned, PlannedRecord):
            return "in its own batch, under its own sequence"
        return "as if it were delivered now"

    def _write_raw(self, letter: DeadLetter, path: str) -> int:
        if path == "-":
            sys.stdout.buffer.write(letter.body)
            return 0
        try:
            with open(path, "xb") as file:
                file.write(letter.body)
        except OSError as error:
            return self._problem(f"--raw {path}: {error.strerror}")
        print(f"{len(letter.body)} bytes written to {path}")
        return 0

    def _problem(self, text: str) -> int:
        print(text, file=sys.stderr)
        return 1


def _sentence(error: StoreUnavailable) -> str:
    hint = "; the command `migrate` updates the schema" if error.sqlstate_class == _SCHEMA else ""
    return f"the database returned an error: {str(error).splitlines()[0]}{hint}"


def _summary(letter: DeadLetter) -> texts.Summary:
    bare = dataclasses.replace(letter, body=b"")
    return texts.Summary(bare, len(letter.body), contents(letter.reason, letter.body))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _print_json(fields: Mapping[str, Any]) -> None:
    print(orjson.dumps(fields).decode())
