"""The Dockerfiles as they are written, without an engine: what every image of ours keeps to."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser
from harness.wire import ROOT

FILES = sorted([*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("examples/*/Dockerfile")])
NAMES = [str(file.parent.relative_to(ROOT)) for file in FILES]
EVERY = pytest.mark.parametrize("file", FILES, ids=NAMES)
SERVICES = pytest.mark.parametrize("file", [file for file in FILES if file.parent.parent.name == "services"])
LABEL = "org.opencontainers.image."


def steps(file: Path) -> list[tuple[str, str]]:
    """The instructions in order, each with its words on one line; comments are left out."""
    structure = DockerfileParser(str(file)).structure
    return [(step["instruction"], step["value"]) for step in structure if step["instruction"] != "COMMENT"]


def final_stage(file: Path) -> list[tuple[str, str]]:
    """FROM of the last stage, and what follows it."""
    found = steps(file)
    return found[max(index for index, (instruction, _) in enumerate(found) if instruction == "FROM") :]


def values(instructions: list[tuple[str, str]], wanted: str) -> Iterator[str]:
    return (value for instruction, value in instructions if instruction == wanted)


def test_every_dockerfile_is_looked_at() -> None:
    assert {"services/gateway", "services/dashboard", "examples/node-orders", "examples/python-inventory"} <= set(NAMES)
    compose = {**read("docker-compose.yml"), **read("deploy/compose/examples.yml")}
    built = {dockerfile_of(service["build"]) for service in compose.values() if "build" in service}
    assert built == {ROOT / name / "Dockerfile" for name in NAMES}


def read(layer: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / layer).read_text(encoding="utf-8"))["services"]
    return found


def dockerfile_of(build: dict[str, Any]) -> Path:
    return ROOT / str(build["context"]) / str(build.get("dockerfile", "Dockerfile"))


@pytest.mark.parametrize("layer", ["docker-compose.yml", "deploy/compose/examples.yml"])
def test_every_build_is_told_its_version(layer: str) -> None:
    builds = [service["build"] for service in read(layer).values() if "build" in service]
    assert builds
    assert all(build["args"].keys() == {"VERSION", "REVISION"} for build in builds)


@EVERY
def test_bases_have_a_version(file: Path) -> None:
    for base in values(steps(file), "FROM"):
        assert re.fullmatch(r"[\w./-]+:\d+\.?\d*-\w+( AS \w+)?", base)


@EVERY
def test_nothing_is_run_in_the_final_stage(file: Path) -> None:
    """So no package of the system comes in there, and it needs no shell."""
    assert list(values(final_stage(file), "RUN")) == []
    assert list(values(final_stage(file), "ADD")) == []


@EVERY
def test_it_runs_as_a_numeric_user_without_privileges(file: Path) -> None:
    """Numeric, because Kubernetes cannot tell of a name that it is not root's."""
    [user] = values(final_stage(file), "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


@EVERY
def test_programs_are_started_without_a_shell(file: Path) -> None:
    stage = final_stage(file)
    started = [*values(stage, "ENTRYPOINT"), *values(stage, "CMD")]
    # The page's is its base's.
    assert len(started) == (0 if file.parent.name == "dashboard" else 1)
    assert all(command.startswith("[") for command in started)


@SERVICES
def test_health_is_checked_without_a_shell(file: Path) -> None:
    [check] = values(final_stage(file), "HEALTHCHECK")
    assert re.search(r"--timeout=\S+ --start-period=\S+ .*CMD \[", check)


@EVERY
def test_builders_without_buildkit_understand_it(file: Path) -> None:
    assert "syntax=" not in file.read_text(encoding="utf-8").replace(" ", "")
    for instruction, value in steps(file):
        assert not re.search(r"--(mount|network|security|link|chmod|parents|exclude|checksum|keep-git-dir)\b|<<", value)
        assert instruction in {
            "FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL"
        }  # fmt: skip


@EVERY
def test_what_is_installed_is_pinned(file: Path) -> None:
    """pip by hashes, npm by its lock file; what has no hash comes from the checkout and installs nothing else."""
    run = [part.strip() for value in values(steps(file), "RUN") for part in value.split("&&")]
    installs = [command for command in run if re.match(r"(pip|npm) ", command)]
    assert installs
    for command in installs:
        assert re.match(r"pip install --require-hashes |pip install --no-deps --no-build-isolation |npm (ci|run)\b", command)


@EVERY
def test_labels(file: Path) -> None:
    stage = final_stage(file)
    [label] = values(stage, "LABEL")
    labels = dict(re.findall(r'([\w.]+)=("[^"]*"|\S+)', label))
    assert labels.keys() == {LABEL + name for name in ("title", "description", "version", "revision", "base.name")}
    base = stage[0][1]
    assert labels[f"{LABEL}base.name"] == f'"docker.io/{base if "/" in base else f"library/{base}"}"'
    assert (labels[f"{LABEL}version"], labels[f"{LABEL}revision"]) == ("$VERSION", "$REVISION")
    # What changes with every commit stands last, so that it costs no layer.
    assert [instruction for instruction, _ in stage[-3:]] == ["ARG", "ARG", "LABEL"]


def test_titles_differ() -> None:
    titles = [re.findall(r'image\.title="([^"]+)"', file.read_text(encoding="utf-8")) for file in FILES]
    assert len({title for [title] in titles}) == len(FILES)
