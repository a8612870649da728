"""Settings come from the environment, and every bad one is named at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from logstream_runtime.address import Address, ListenAddress
from logstream_runtime.config import ConfigError, describe, load, load_or_exit, masked, setting
from pydantic import Field


@dataclass(frozen=True)
class Settings:
    url: str = setting("LOGSTREAM_T_URL", "Where it is.", secret=True)
    listen: ListenAddress = setting("LOGSTREAM_T_LISTEN", "Where it listens.", Address("0.0.0.0", 80))
    size: Annotated[int, Field(ge=1)] = setting("LOGSTREAM_T_SIZE", "How much.", 5, unit="bytes")
    level: Literal["a", "b"] = setting("LOGSTREAM_T_LEVEL", "Which.", "a")


URL = {"LOGSTREAM_T_URL": "amqp://me:secret@host:5672/%2F"}


def test_defaults_and_values() -> None:
    assert load(Settings, URL) == Settings(URL["LOGSTREAM_T_URL"])
    settings = load(Settings, {**URL, "LOGSTREAM_T_LISTEN": "[::1]:90", "LOGSTREAM_T_SIZE": "7", "LOGSTREAM_T_LEVEL": ""})
    assert (settings.listen, settings.size, settings.level) == (Address("::1", 90), 7, "a")


def test_every_problem_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        load(Settings, {"LOGSTREAM_T_LISTEN": "nowhere", "LOGSTREAM_T_SIZE": "0", "LOGSTREAM_T_LEVEL": "c"})
    problems = caught.value.problems
    assert [problem.split(":")[0].split("=")[0] for problem in problems] == [
        "LOGSTREAM_T_URL", "LOGSTREAM_T_LISTEN", "LOGSTREAM_T_SIZE", "LOGSTREAM_T_LEVEL",
    ]  # fmt: skip
    assert "missing" in problems[0]
    assert "'nowhere'" in problems[1]
    assert "host:port" in problems[1]
    assert "greater than or equal to 1" in problems[2]


def test_bad_settings_end_the_process_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_or_exit(Settings)
    assert caught.value.code == 2
    assert "LOGSTREAM_T_URL: missing" in capsys.readouterr().err


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("amqp://x\n")
    assert load(Settings, {"LOGSTREAM_T_URL_FILE": str(file)}).url == "amqp://x"
    with pytest.raises(ConfigError, match="both set"):
        load(Settings, {**URL, "LOGSTREAM_T_URL_FILE": str(file)})
    with pytest.raises(ConfigError, match="LOGSTREAM_T_URL_FILE="):
        load(Settings, {"LOGSTREAM_T_URL_FILE": str(tmp_path / "none")})


def test_secrets_are_masked() -> None:
    assert masked(load(Settings, URL))["LOGSTREAM_T_URL"] == "amqp://me:***@host:5672/%2F"
    assert masked(Settings("just-a-secret"))["LOGSTREAM_T_URL"] == "***"


def test_settings_describe_themselves() -> None:
    settings = {setting.env: setting for setting in describe(Settings)}
    assert settings["LOGSTREAM_T_URL"].default is None
    assert (settings["LOGSTREAM_T_SIZE"].default, settings["LOGSTREAM_T_SIZE"].unit) == ("5", "bytes")
    assert settings["LOGSTREAM_T_LISTEN"].default == "0.0.0.0:80"
