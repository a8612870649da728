"""deploy/compose/env, with a stand-in for docker that knows the volumes it is told: what it writes, and when it refuses."""

import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.wire import ROOT

SECRETS = [f"LOGSTREAM_{part}_PASSWORD" for part in ("POSTGRES", "DATABASE", "RABBITMQ", "REDIS", "GRAFANA")]
# Prints the volumes whose project and name it is asked for, of those that stand in the file "volumes" as project_name.
DOCKER = """#!/bin/sh
for word; do case $word in
  label=com.docker.compose.project=*) project=${word##*=} ;;
  label=com.docker.compose.volume=*) volume=${word##*=} ;;
esac; done
grep -x "${project}_$volume" "$(dirname "$0")/volumes"
"""


@dataclass(frozen=True)
class Checkout:
    folder: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if name != "COMPOSE_PROJECT_NAME"}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            [self.folder / "deploy/compose/env", *arguments],
            env=inherited | environment | {"PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def has_volumes(self, *names: str) -> None:
        (self.folder / "bin/volumes").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")

    def secrets(self) -> dict[str, str]:
        lines = (self.folder / ".env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name, text in (("deploy/compose/env", (ROOT / "deploy/compose/env").read_text("utf-8")), ("bin/docker", DOCKER)):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    made = Checkout(tmp_path)
    made.has_volumes()
    return made


def test_secrets_are_made_once_for_their_owner(checkout: Checkout) -> None:
    assert checkout.run().returncode == 0
    first = checkout.secrets()
    assert sorted(first) == sorted(SECRETS)
    assert len(set(first.values())) == len(SECRETS)
    assert all(len(value) == 48 for value in first.values())
    (checkout.folder / ".env").chmod(0o644)

    checkout.has_volumes("logstream_timescaledb", "logstream_rabbitmq", "logstream_grafana")
    assert checkout.run().returncode == 0
    assert checkout.secrets() == first
    assert stat.S_IMODE((checkout.folder / ".env").stat().st_mode) == 0o600


def test_a_line_of_the_user_stays(checkout: Checkout) -> None:
    (checkout.folder / ".env").write_text("LOGSTREAM_REDIS_PASSWORD=mine\nWRITERS=3", encoding="utf-8")
    assert checkout.run().returncode == 0
    written = checkout.secrets()
    assert (written["LOGSTREAM_REDIS_PASSWORD"], written["WRITERS"]) == ("mine", "3")
    assert set(SECRETS) <= written.keys()


@pytest.mark.parametrize(
    ("volume", "lost"),
    [("timescaledb", ["POSTGRES", "DATABASE"]), ("rabbitmq", ["RABBITMQ"])],
)
def test_a_volume_whose_password_is_lost_gets_no_other(checkout: Checkout, volume: str, lost: list[str]) -> None:
    checkout.has_volumes(f"logstream_{volume}")
    refused = checkout.run()
    assert refused.returncode == 1
    named = [name for name in SECRETS if name in refused.stderr]
    assert named == [f"LOGSTREAM_{part}_PASSWORD" for part in lost]
    assert refused.stderr.count(f"logstream_{volume}") == 1
    assert [entry.name for entry in checkout.folder.iterdir() if entry.name.startswith(".env")] == []


def test_a_volume_of_grafana_stops_nothing(checkout: Checkout) -> None:
    """The layer that has it may not be used any more, and `make clean` does not know it."""
    checkout.has_volumes("logstream_grafana")
    assert checkout.run().returncode == 0


def test_volumes_of_another_project_do_not_matter(checkout: Checkout) -> None:
    checkout.has_volumes("logstream_timescaledb")
    assert checkout.run(COMPOSE_PROJECT_NAME="second").returncode == 0

    (checkout.folder / ".env").write_text("COMPOSE_PROJECT_NAME=third\n", encoding="utf-8")
    checkout.has_volumes("third_timescaledb")
    assert checkout.run().returncode == 1


def test_new_ones_are_made_when_they_are_asked_for(checkout: Checkout) -> None:
    checkout.has_volumes("logstream_timescaledb", "logstream_rabbitmq")
    assert checkout.run("--new").returncode == 0
    assert set(SECRETS) <= checkout.secrets().keys()
