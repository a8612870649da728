"""Variables of the logstream services are settings in docs/configuration.md; required settings are set."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helm_check.findings import Finding
from helm_check.manifests import Body, Pod, Render, at, items, mapping

_PREFIX = "LOGSTREAM_"
_FLOAT = re.compile(r"\d(\.\d+)?e[+-]\d+")
_ROW = re.compile(r"\| `(LOGSTREAM_[A-Z0-9_]+)` \| (.*?) \|")


@dataclass(frozen=True)
class Settings:
    """A service's settings by name, and those without a default."""

    known: frozenset[str]
    required: frozenset[str]


class SettingsRule:
    """Checks pods of the services against a configuration.md."""

    def __init__(self, configuration: Path) -> None:
        self._services = read_settings(configuration.read_text(encoding="utf-8"))

    def __call__(self, render: Render) -> Iterator[Finding]:
        for pod in render.pods:
            settings = self._services.get(pod.component)
            if settings is None:
                continue
            for path, container in pod.containers():
                names = set(_variables(render, container))
                for name in sorted(names):
                    if (
                        name.startswith(_PREFIX)
                        and name not in settings.known
                        and name.removesuffix("_FILE") not in settings.known
                    ):
                        message = f"{pod.component} has no setting {name}; see docs/configuration.md"
                        yield Finding(pod.document.location(*path, "env"), message, render.case)
                for index, variable in enumerate(items(container, "env")):
                    # A template has converted a large number to a float.
                    if _FLOAT.fullmatch(str(at(variable, "value"))):
                        message = f"is {at(variable, 'value')}: not a valid value of a setting"
                        yield Finding(pod.document.location(*path, "env", index, "value"), message, render.case)
                for name in sorted(settings.known):
                    if {name, f"{name}_FILE"} <= names:
                        yield Finding(pod.document.location(*path, "env"), f"sets both {name} and {name}_FILE", render.case)
                yield from _required(pod, path, settings=settings, names=names, case=render.case)


def read_settings(text: str) -> dict[str, Settings]:
    """The tables of docs/configuration.md by service."""
    services = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        rows = _ROW.findall(section)
        if rows:
            required = frozenset(name for name, default in rows if default == "required")
            services[section.split(maxsplit=1)[0]] = Settings(frozenset(name for name, _ in rows), required)
    return services


def _required(pod: Pod, path: tuple[str | int, ...], *, settings: Settings, names: set[str], case: str) -> Iterator[Finding]:
    # A pod's other containers are not the service.
    if path[-2] != "containers" or at(pod.document.body, *path, "name") != pod.component:
        return
    for name in sorted(settings.required):
        if name not in names and f"{name}_FILE" not in names:
            yield Finding(pod.document.location(*path, "env"), f"lacks {name}, which {pod.component} requires", case)


def _variables(render: Render, container: Body) -> Iterator[str]:
    for variable in items(container, "env"):
        yield str(at(variable, "name"))
    for source in items(container, "envFrom"):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            document = render.find(kind, at(source, field, "name"))
            if document is not None:
                prefix = str(at(source, "prefix") or "")
                yield from (
                    f"{prefix}{key}" for key in (*mapping(document.body, "data"), *mapping(document.body, "stringData"))
                )
