"""deploy/compose/env, with stand-ins for docker, which knows the volumes it is told, and df: what it writes, and when it
refuses."""

import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.wire import ROOT

SECRETS = [f"LOGSTREAM_{part}_PASSWORD" for part in ("POSTGRES", "DATABASE", "RABBITMQ", "REDIS", "GRAFANA")]
LIMIT = "LOGSTREAM_RETENTION_BYTES"
GIB = 2**30
FREE = 108 * GIB
# Prints the volumes whose project and name it is asked for, of those that stand in the file "volumes" as project_name; their
# sizes, from the file "sizes"; and where it keeps them.
DOCKER = """#!/bin/sh
case $1 in
  info) dirname "$0"; exit ;;
  system) cat "$(dirname "$0")/sizes"; exit ;;
esac
for word; do case $word in
  label=com.docker.compose.project=*) project=${word##*=} ;;
  label=com.docker.compose.volume=*) volume=${word##*=} ;;
esac; done
grep -x "${project}_$volume" "$(dirname "$0")/volumes"
"""
# The free space of the folder where docker keeps volumes, and of no other one.
DF = """#!/bin/sh
test "$*" = "-Pk $(dirname "$0")" || exit 1
echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
echo "/dev/sda 1 1 $(cat "$(dirname "$0")/free") 1% /"
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

    def has_sizes(self, text: str) -> None:
        (self.folder / "bin/sizes").write_text(text, encoding="utf-8")

    def has_free(self, free_bytes: int) -> None:
        (self.folder / "bin/free").write_text(str(free_bytes // 1024), encoding="utf-8")

    def secrets(self) -> dict[str, str]:
        lines = (self.folder / ".env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    script = (ROOT / "deploy/compose/env").read_text("utf-8")
    for name, text in (("deploy/compose/env", script), ("bin/docker", DOCKER), ("bin/df", DF)):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    made = Checkout(tmp_path)
    made.has_volumes()
    made.has_sizes("")
    made.has_free(FREE)
    return made


def test_secrets_are_made_once_for_their_owner(checkout: Checkout) -> None:
    assert checkout.run().returncode == 0
    first = checkout.secrets()
    assert sorted(first) == sorted([*SECRETS, LIMIT])
    assert len({first[name] for name in SECRETS}) == len(SECRETS)
    assert all(len(first[name]) == 48 for name in SECRETS)
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


def test_the_limit_of_size_is_made_from_the_free_space(checkout: Checkout) -> None:
    done = checkout.run()
    assert checkout.secrets()[LIMIT] == str(70 * GIB)
    assert f"wrote secrets and {LIMIT}={70 * GIB} to .env" in done.stderr
    # It is made once: what the logs take later must not make it smaller.
    checkout.has_free(GIB)
    assert checkout.run().stderr == ""
    assert checkout.secrets()[LIMIT] == str(70 * GIB)


@pytest.mark.parametrize(("free", "limit"), [(8 * GIB, 8 * GIB // 10), (GIB, GIB // 10), (18 * GIB, 7 * GIB)])
def test_with_little_space_a_part_of_it_is_left(checkout: Checkout, free: int, limit: int) -> None:
    checkout.has_free(free)
    checkout.run()
    assert checkout.secrets()[LIMIT] == str(limit)


@pytest.mark.parametrize("own", ["5000000000", "0", ""])
def test_an_own_limit_stays(checkout: Checkout, own: str) -> None:
    (checkout.folder / ".env").write_text(f"{LIMIT}={own}\n", encoding="utf-8")
    assert checkout.run().returncode == 0
    assert checkout.secrets()[LIMIT] == own


def test_a_file_of_before_gets_the_limit_and_keeps_the_rest(checkout: Checkout) -> None:
    """What the volume holds counts as room, or an upgrade would delete most of it."""
    checkout.run()
    before = checkout.secrets()
    del before[LIMIT]
    text = "".join(f"{name}={value}\n" for name, value in before.items()) + "# mine\nWRITERS=3"
    (checkout.folder / ".env").write_text(text, encoding="utf-8")
    checkout.has_volumes("logstream_timescaledb", "logstream_rabbitmq")
    checkout.has_sizes("logstream_rabbitmq 77GB\nlogstream_timescaledb 250.5GB\nother_logstream_timescaledb 1TB\n")
    assert checkout.run().returncode == 0
    limit = (FREE + 250_500_000_000 - 8 * GIB) * 7 // 10
    assert (checkout.folder / ".env").read_text(encoding="utf-8") == f"{text}\n{LIMIT}={limit}\n"


@pytest.mark.parametrize("sizes", ["", "logstream_timescaledb N/A\n"])
def test_without_the_size_of_the_volume_there_is_no_limit(checkout: Checkout, sizes: str) -> None:
    checkout.run()
    before = checkout.secrets()
    del before[LIMIT]
    (checkout.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in before.items()), encoding="utf-8")
    checkout.has_volumes("logstream_timescaledb")
    checkout.has_sizes(sizes)
    done = checkout.run()
    assert done.returncode == 0
    assert LIMIT in done.stderr
    assert checkout.secrets() == before


def test_without_docker_s_folder_the_space_is_that_of_the_checkout(checkout: Checkout) -> None:
    docker, df = checkout.folder / "bin/docker", checkout.folder / "bin/df"
    docker.write_text(DOCKER.replace('info) dirname "$0"', "info) echo /not/here"), encoding="utf-8")
    df.write_text(DF.replace("-Pk $(dirname", "-Pk .").replace('. "$0")"', '."'), encoding="utf-8")
    checkout.run()
    assert checkout.secrets()[LIMIT] == str(70 * GIB)
