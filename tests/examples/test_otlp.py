"""The configurations in examples/otlp and the page docs/otlp.md as they are written. No agent is started here: docs/otlp.md
says which of them were run. What is checked is that each file can be read, that what a file refers to is in it, and that
settings, ports, sizes and files go by the names and numbers that logstream has."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.wire import ROOT

FOLDER = ROOT / "examples/otlp"
PAGE = ROOT / "docs/otlp.md"
FILES = sorted(file for file in FOLDER.iterdir() if file.name != "README.md")
EVERY = pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
GRPC_PORT, HTTP_PORT = "4317", "4318"
CLOSING = {"}": "{", "]": "[", ")": "("}


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """The defaults of all settings, by name."""
    table = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(LOGSTREAM_\w+)` \| `?([^|`]*?)`? \|", table, re.MULTILINE))


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def bare(text: str, comment: str, quotes: str) -> str:
    """Without comments, and with empty texts; `comment` is what begins one, up to the end of the line."""
    kept = re.compile("|".join([f"{comment}[^\n]*", *(rf"{quote}(?:\\.|[^{quote}\\])*{quote}" for quote in quotes)]))
    return kept.sub(lambda found: found[0][0] * 2 if found[0][0] in quotes else "", text)


def assert_balanced(text: str) -> None:
    opened: list[str] = []
    for character in text:
        if character in CLOSING.values():
            opened.append(character)
        elif character in CLOSING:
            assert opened, f"{character} without {CLOSING[character]}"
            assert opened.pop() == CLOSING[character]
    assert not opened


def sizes(found: Any) -> Iterator[int]:
    """The most bytes of a call that a configuration names, wherever they are."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in ("max_size", "max_bytes") and "type" not in found:
                yield int(value)
            yield from sizes(value)
    elif isinstance(found, list):
        for item in found:
            yield from sizes(item)


@EVERY
def test_the_page_names_each_file(file: Path, page: str) -> None:
    assert f"../examples/otlp/{file.name}" in page


@EVERY
def test_a_file_names_a_port_that_otlp_is_served_on(file: Path) -> None:
    """Where it sends to. The Collector and Alloy listen on the same ports themselves."""
    text = file.read_text(encoding="utf-8")
    targets = re.findall(r"(https?://)?logstream[-.\w]*:(\d+)", text)
    targets += [("http://", port) for port in re.findall(r"host: logstream[-.\w]*\n\s+port: (\d+)", text)]
    assert targets
    for scheme, port in targets:
        assert port == (HTTP_PORT if scheme else GRPC_PORT)


@pytest.mark.parametrize("name", ["collector.yaml", "collector-kubernetes.yaml"])
def test_the_collector_has_what_its_pipeline_names(name: str) -> None:
    found = read(name)
    config = found.get("config", found)
    logs = config["service"]["pipelines"]["logs"]
    assert set(logs["exporters"]) <= set(config["exporters"])
    assert set(logs.get("receivers", [])) <= set(config.get("receivers", {}))
    assert set(config["service"].get("extensions", [])) <= set(config.get("extensions", {}))


def test_fluent_bit_reads_by_a_parser_that_it_has() -> None:
    found = read("fluent-bit.yaml")
    assert {read_by["parser"] for read_by in found["pipeline"]["inputs"]} <= {parser["name"] for parser in found["parsers"]}


def test_vector_reads_from_what_it_has() -> None:
    found = read("vector.yaml")
    readers = found["transforms"] | found["sinks"]
    assert {name for reader in readers.values() for name in reader["inputs"]} == set(found["sources"]) | set(
        found["transforms"]
    )


def test_alloy_refers_to_what_it_has() -> None:
    text = (FOLDER / "config.alloy").read_text(encoding="utf-8")
    assert_balanced(bare(text, "//", '"`'))
    made = {f"{kind}.{label}" for kind, label in re.findall(r'^([a-z][\w.]*) "(\w+)" \{$', text, re.MULTILINE)}
    used = set(re.findall(r"((?:otelcol|loki)\.[\w.]+)\.(?:input|receiver|handler)\b", bare(text, "//", '"`')))
    assert used, "something is handed on"
    assert used <= made


def test_syslog_ng_refers_to_what_it_has() -> None:
    text = bare((FOLDER / "syslog-ng.conf").read_text(encoding="utf-8"), "#", '"')
    assert_balanced(text)
    made = set(re.findall(r"^(source|rewrite|destination) (\w+) \{$", text, re.MULTILINE))
    used = set(re.findall(r"^  (source|rewrite|destination)\((\w+)\);$", text, re.MULTILINE))
    assert made == used


def test_the_environment_has_a_variable_a_line(page: str) -> None:
    """The same variables as on the page."""
    lines = [line for line in (FOLDER / "sdk.env").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    names = [line.partition("=")[0] for line in lines]
    shell = re.findall(r"^```sh\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    assert set(names) == set(re.findall(r"\b(OTEL_\w+)=", shell[0]))


def test_no_call_is_larger_than_the_gateway_takes(settings: dict[str, str]) -> None:
    most = int(settings["LOGSTREAM_GATEWAY_OTLP_MAX_BYTES"])
    found = [size for file in FILES if file.suffix == ".yaml" for size in sizes(read(file.name))]
    assert found
    assert max(found) <= most
    alloy = re.findall(r"\bmax_size += (\d+)", (FOLDER / "config.alloy").read_text(encoding="utf-8"))
    assert [int(size) <= most for size in alloy] == [True]


def test_the_page_names_settings_that_there_are(page: str, settings: dict[str, str]) -> None:
    named = set(re.findall(r"LOGSTREAM_\w+", page))
    assert "LOGSTREAM_GATEWAY_OTLP_DERIVE_IDS" in named
    assert named <= set(settings)
    assert settings["LOGSTREAM_GATEWAY_OTLP_LISTEN"].endswith(f":{HTTP_PORT}")
    assert settings["LOGSTREAM_GATEWAY_LISTEN"].endswith(f":{GRPC_PORT}")


def test_the_page_links_to_what_there_is(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)?(?:#[-\w]+)?\)", page):
        assert not target or (PAGE.parent / target).exists(), target
    titles = {
        re.sub(r"[^-\w ]", "", title).lower().replace(" ", "-") for title in re.findall(r"^##+ (.+)$", page, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([-\w]+)\)", page)) <= titles


def test_the_snippets_can_be_read(page: str, tmp_path: Path) -> None:
    (python,) = re.findall(r"^```python\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    compile(python, "otlp.md", "exec")
    (node,) = re.findall(r"^```js\n(.+?)^```", page, re.MULTILINE | re.DOTALL)
    script = tmp_path / "snippet.mjs"
    script.write_text(node, encoding="utf-8")
    checked = subprocess.run(["node", "--check", script], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
