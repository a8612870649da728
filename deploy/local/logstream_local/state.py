"""What a stack remembers between commands: the ports, replicas and overrides asked for, and its generated passwords."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any

from logstream_local.errors import StackError
from logstream_local.folders import Folders
from logstream_local.invoker import Invoker


@dataclass
class State:
    """The wishes a stack runs by. `environment` maps a service to its overridden variables, `memory` to its limit.

    `retention_bytes` is no wish: the first `up` that finds none makes it from the free space. It is kept, because another
    value would restart the writers, and what the stack takes later must not make it smaller.
    """

    base_port: int
    gateway_port: int
    page_port: int
    # None in the file of a stack that an earlier release started: then the default.
    otlp_port: int | None = None
    writers: int = 1
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    # Bytes that each program of a service may take.
    memory: dict[str, int] = field(default_factory=dict)
    retention_bytes: int | None = None


@dataclass(frozen=True)
class Secrets:
    """Generated passwords, safe to put in a URL as they are."""

    postgres: str
    logstream: str
    rabbitmq: str
    erlang_cookie: str


def load_state(folders: Folders) -> State | None:
    """The remembered state, or None for a stack that was never started."""
    if not folders.state.exists():
        return None
    try:
        return State(**json.loads(folders.state.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise StackError(
            f"{folders.state} is damaged ({error}); remove it and start the stack with its options again"
        ) from None


def save_state(folders: Folders, state: State, invoker: Invoker) -> None:
    """Remember the state for later commands. Overrides may hold secrets, hence the mode."""
    invoker.write(folders.state, json.dumps(asdict(state), indent=1), mode=0o600)


def ensure_secrets(folders: Folders, invoker: Invoker) -> Secrets:
    """The stack's passwords; made once, kept as long as its data."""
    if not folders.secrets.exists():
        made = {name: secrets.token_hex(16) for name in Secrets.__dataclass_fields__}
        invoker.write(folders.secrets, json.dumps(made, indent=1), mode=0o600)
    return load_secrets(folders)


def load_secrets(folders: Folders) -> Secrets:
    """The stack's passwords. Raises StackError before the first `up`."""
    try:
        values: dict[str, Any] = json.loads(folders.secrets.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StackError(f"stack {folders.name} was never started (no {folders.secrets})") from None
    return Secrets(**values)


def override(environment: dict[str, dict[str, str]], wishes: list[str]) -> None:
    """Apply `SERVICE:VARIABLE=value` wishes to the overrides; `SERVICE:VARIABLE` alone takes one back.

    Raises StackError for a wish of another form.
    """
    for wish in wishes:
        service, colon, assignment = wish.partition(":")
        variable, equals, value = assignment.partition("=")
        if not service or not colon or not variable:
            raise StackError(f"--env {wish!r}: expected SERVICE:VARIABLE=value, or SERVICE:VARIABLE to remove the override")
        if equals:
            environment.setdefault(service, {})[variable] = value
        else:
            environment.get(service, {}).pop(variable, None)
            if not environment.get(service):
                environment.pop(service, None)
