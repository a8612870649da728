"""Reads the settings of a service, a frozen dataclass, from the environment, and names all problems at once."""

import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

FILE_SUFFIX = "_FILE"
EXIT_BAD_CONFIG = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting as the documentation lists it. default None: required."""

    env: str
    default: str | None
    doc: str
    unit: str
    secret: bool
    kind: str


class ConfigError(ValueError):
    """Invalid settings; `problems` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def setting(env: str, doc: str, default: Any = dataclasses.MISSING, *, unit: str = "", secret: bool = False) -> Any:
    """A field of a settings dataclass. Its type, a pydantic one if it has bounds, is what the text must parse as."""
    return dataclasses.field(default=default, metadata={"env": env, "doc": doc, "unit": unit, "secret": secret})


def load(cls: type[T], environ: Mapping[str, str] = os.environ) -> T:
    """Builds cls from the environment: each setting from its variable, or from the file that `<variable>_FILE` names.

    An empty variable counts as absent. Raises ConfigError, which names every invalid variable, its value and what was
    expected.
    """
    hints = get_type_hints(cls, include_extras=True)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        env = field.metadata["env"]
        try:
            text = _text_of(env, environ)
            if text is not None:
                values[field.name] = TypeAdapter(hints[field.name]).validate_python(text)
            elif field.default is dataclasses.MISSING:
                problems.append(f"{env}: missing; {field.metadata['doc']}")
        except ValidationError as error:
            shown = "***" if field.metadata["secret"] else repr(text)
            problems.append(f"{env}={shown}: {error.errors()[0]['msg']}")
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError([str(error)]) from error


def load_or_exit(cls: type[T]) -> T:
    """load, or exit status 2 with all problems on standard error."""
    try:
        return load(cls)
    except ConfigError as error:
        for problem in error.problems:
            print(f"configuration: {problem}", file=sys.stderr)
        sys.exit(EXIT_BAD_CONFIG)


def _text_of(env: str, environ: Mapping[str, str]) -> str | None:
    text, path = environ.get(env, ""), environ.get(env + FILE_SUFFIX, "")
    if text and path:
        raise ConfigError([f"{env} and {env}{FILE_SUFFIX} are both set: set one"])
    if not path:
        return text or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{env}{FILE_SUFFIX}={path!r}: {error}"]) from error


def masked(config: Any) -> dict[str, Any]:
    """The settings by variable name, safe to log: a secret is ***, in a URL only its password."""
    shown = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        shown[field.metadata["env"]] = _mask(str(value)) if field.metadata["secret"] else value
    return shown


def _mask(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme and parts.hostname:
        host = parts.hostname + (f":{parts.port}" if parts.port else "")
        user = f"{parts.username}:***@" if parts.username or parts.password else ""
        return parts._replace(netloc=user + host, query="***" if parts.query else "").geturl()
    return "***"


def describe(cls: type[Any]) -> list[Setting]:
    """The settings of a dataclass in its order, for the generated documentation."""
    hints = get_type_hints(cls)
    settings = []
    for field in dataclasses.fields(cls):
        default = None if field.default is dataclasses.MISSING else str(field.default)
        kind = getattr(hints[field.name], "__name__", str(hints[field.name]))
        meta = field.metadata
        settings.append(
            Setting(env=meta["env"], default=default, doc=meta["doc"], unit=meta["unit"], secret=meta["secret"], kind=kind)
        )
    return settings
