"""Runs `dead-letters`: the answer goes to standard output, what was done also to the log."""

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

from logstream_writer.dead_letters import words
from logstream_writer.dead_letters.arguments import Wanted
from logstream_writer.dead_letters.letter import Letter, contents, first_rows
from logstream_writer.dead_letters.plan import Choices, InPlace, Stays, Unknown, plan
from logstream_writer.failures import described
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.letters import Letters

log = logging.getLogger(__name__)

# SQLSTATE classes with which the next letter would fare no better: the database is away, or its schema of another release.
_SCHEMA: Final = "42"
_HOPELESS: Final = frozenset({"none", "08", "28", "3D", "57", _SCHEMA})


def run(wanted: Wanted, letters: Letters, retention_nanos: int) -> int:
    """The exit status: 0, or 1 when something asked for was not done. Blocks."""
    command = _Command(wanted, letters, retention_nanos)
    verbs = {"list": command.list, "show": command.show, "replay": command.replay, "delete": command.delete}
    try:
        status = verbs[wanted.verb]()
        sys.stdout.flush()
        return status
    except StoreUnavailable as error:
        log.error("dead letters", extra={"error": str(error)})
        print(_sentence(error), file=sys.stderr)
    except BrokenPipeError:
        # Whoever read the answer has seen enough. What is left must not fail again at the process's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        letters.close()
    return 1


class _Command:
    def __init__(self, wanted: Wanted, letters: Letters, retention_nanos: int) -> None:
        self._wanted = wanted
        self._letters = letters
        self._choices = Choices(retention_nanos, wanted.as_new, wanted.times)
        self._stopping = threading.Event()

    def list(self) -> int:
        totals = self._letters.totals(self._wanted.selection)
        summaries = map(_summary, self._letters.newest(self._wanted.selection, self._wanted.limit))
        if self._wanted.json:
            for summary in summaries:
                _print_json(words.summary_object(summary))
            return 0
        found = [*summaries]
        if found:
            _print(words.table(found))
            print()
        print(words.totals_line(totals, len(found)))
        return 0

    def show(self) -> int:
        (letter_id,) = self._wanted.selection.ids or ()
        letter = self._letters.get(letter_id)
        if letter is None:
            return self._problem(f"{letter_id}: {Unknown()}")
        if self._wanted.raw is not None:
            return self._write_raw(letter, self._wanted.raw)
        problem = ""
        try:
            batches = first_rows(letter, self._choices.retention_nanos, self._wanted.records)
        except Undecodable as error:
            batches, problem = [], str(error)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 what is known of a letter is shown whatever its bytes are
            batches, problem = [], described(error)
        entry = self._letters.inbox(letter) if letter.batch_id else None
        shown = (_summary(letter), entry, batches, problem, self._advice(letter))
        if self._wanted.json:
            _print_json(words.letter_object(*shown))
        else:
            _print(words.letter_text(*shown))
        return 0

    def replay(self) -> int:
        return self._each(self._replay_one)

    def delete(self) -> int:
        return self._each(self._delete_one)

    def _each(self, work: Callable[[int], Mapping[str, Any]]) -> int:
        """Each in its own transaction; a signal ends it between two of them."""
        on_stop_signals(self._stopping.set)
        selection = self._wanted.selection
        ids = selection.ids if selection.ids is not None else self._letters.ids(selection)
        status = 0
        for done, letter_id in enumerate(ids):
            if self._stopping.is_set():
                return self._problem(f"stopped after {done} of {len(ids)} letters")
            outcome = work(letter_id)
            log.info("dead letter", extra={"letter": outcome})
            if self._wanted.json:
                _print_json(outcome)
            else:
                print(words.outcome_text(outcome))
            # What is done is done, whatever comes after it.
            sys.stdout.flush()
            if "why" in outcome or outcome.get("letters"):
                status = 1
        if not ids and not self._wanted.json:
            print("no dead letters")
        return status

    def _replay_one(self, letter_id: int) -> Mapping[str, Any]:
        try:
            done = self._letters.replay(letter_id, self._choices, self._wanted.dry_run)
        except Unknown as unknown:
            return {"id": letter_id, "outcome": "unknown", "why": str(unknown)}
        except Stays as stays:
            return {"id": letter_id, "outcome": "stays", "why": str(stays)}
        except StoreUnavailable as error:
            if error.sqlstate_class in _HOPELESS:
                raise
            return {"id": letter_id, "outcome": "stays", "why": _sentence(error)}
        except MemoryError:
            raise
        except Exception as error:
            # Of this letter; the next one may fare better.
            log.exception("a letter can't be replayed", extra={"id": letter_id})
            return {"id": letter_id, "outcome": "stays", "why": f"it fails: {described(error)}"}
        return {
            "id": letter_id,
            "outcome": "would be replayed" if self._wanted.dry_run else "replayed",
            "reason": done.letter.reason,
            "records": done.records,
            "known": done.known,
            "older": done.older,
            "letters": list(done.letters),
        }

    def _delete_one(self, letter_id: int) -> Mapping[str, Any]:
        letter = self._letters.delete(letter_id)
        if letter is None:
            return {"id": letter_id, "outcome": "unknown", "why": str(Unknown())}
        return {"id": letter_id, "outcome": "deleted", "reason": letter.reason}

    def _advice(self, letter: Letter) -> str:
        """What a replay needs, as far as the letter alone tells."""
        try:
            planned = plan(letter, self._choices)
        except Stays as stays:
            return str(stays)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 what is known of a letter is shown whatever its bytes are
            return f"it fails: {described(error)}"
        return "at its own place in its batch" if isinstance(planned, InPlace) else "as if it were delivered now"

    def _write_raw(self, letter: Letter, path: str) -> int:
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
    hint = "; the command `migrate` brings the schema up to date" if error.sqlstate_class == _SCHEMA else ""
    return f"the database does not do it: {str(error).splitlines()[0]}{hint}"


def _summary(letter: Letter) -> words.Summary:
    bare = dataclasses.replace(letter, body=b"")
    return words.Summary(bare, len(letter.body), contents(letter.reason, letter.body))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _print_json(shown: Mapping[str, Any]) -> None:
    print(orjson.dumps(shown).decode())
