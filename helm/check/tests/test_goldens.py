"""Files of rendered charts."""

from pathlib import Path

from helm_check import goldens

DEFAULTS = {
    "NOTES.txt": "Hello.\n",
    "templates/a.yaml": "\nkind: A\n",
    "templates/b.yaml": "kind: B   \n",
    "templates/c.yaml": "",
}


def test_the_defaults_have_everything() -> None:
    assert goldens.content("defaults", DEFAULTS, DEFAULTS) == (
        "# The chart with no value set. Written by `make helm-goldens`.\n"
        "---\n# Source: NOTES.txt\n# Hello.\n"
        "---\n# Source: templates/a.yaml\nkind: A\n"
        "---\n# Source: templates/b.yaml\nkind: B\n"
    )


def test_others_have_what_differs() -> None:
    texts = {**DEFAULTS, "templates/a.yaml": "", "templates/c.yaml": "kind: C\n"}
    assert goldens.content("ci-more", texts, DEFAULTS) == (
        "# What ci-more renders differently from defaults.yaml. Written by `make helm-goldens`.\n"
        "---\n# Source: templates/a.yaml\n# renders nothing here\n"
        "---\n# Source: templates/c.yaml\nkind: C\n"
    )


def test_dashboards_are_left_out() -> None:
    text = 'data:\n  board.json: |\n    {\n\n      "a": 1\n    }\nkind: ConfigMap\n'
    assert goldens.content("defaults", {"templates/a.yaml": text}, {}).endswith(
        "data:\n  board.json: # JSON, left out here\nkind: ConfigMap\n"
    )


def test_tells_what_changed_what_is_missing_and_what_is_left_over(tmp_path: Path) -> None:
    goldens.write(tmp_path, {"defaults": "a\nb\n", "ci-old": "a\n"})
    assert list(goldens.compare(tmp_path, {"defaults": "a\nb\n", "ci-old": "a\n"})) == []
    changed, missing, left = goldens.compare(tmp_path, {"defaults": "a\nc\n", "ci-new": "a\n"})
    assert changed.location == f"{tmp_path.name}/defaults.yaml"
    assert changed.message.startswith("the chart renders something else; if that is intended, run make helm-goldens\n")
    assert "\n    -b\n    +c" in changed.message
    assert (missing.location, missing.message) == (f"{tmp_path.name}/ci-new.yaml", "is missing: run make helm-goldens")
    assert left.message == "this value file no longer exists: run make helm-goldens"


def test_writing_removes_what_is_left_over(tmp_path: Path) -> None:
    goldens.write(tmp_path, {"defaults": "a\n", "ci-old": "a\n"})
    goldens.write(tmp_path, {"defaults": "b\n"})
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"defaults.yaml": "b\n"}
