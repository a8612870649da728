"""Reading of rendered templates, and how findings are printed."""

import pytest
from helm_check.findings import Finding, as_lines
from helm_check.manifests import ManifestError, at, dotted, parse


def test_a_key_that_is_there_twice_is_no_yaml() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {b: '1', b: '2'}\n"
    with pytest.raises(ManifestError, match=r"templates/a\.yaml: not YAML: the key 'b' is there twice .* line 4"):
        list(parse("templates/a.yaml", text))


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"templates/a\.yaml: not an object of Kubernetes .*: \{'kind': 'Pod'\}"):
        list(parse("templates/a.yaml", "kind: Pod\n"))


def test_empty_documents_are_passed_over() -> None:
    text = "---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    assert [document.name for document in parse("templates/a.yaml", text)] == ["a"]


def test_a_date_stays_text() -> None:
    [document] = parse("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {day: 2026-01-02}\n")
    assert document.body["data"] == {"day": "2026-01-02"}


def test_paths() -> None:
    body = {"a": [{"b": 1}], "c": "text"}
    assert at(body, "a", 0, "b") == 1
    assert at(body, "a", 1, "b") is None
    assert at(body, "c", 0) is None
    assert dotted(("a", 0, "b")) == "a[0].b"


def test_a_finding_of_several_cases_is_told_once() -> None:
    findings = [Finding("a", "is wrong", "one"), Finding("a", "is wrong", "two"), Finding("b", "too")]
    assert list(as_lines(findings)) == ["a: is wrong [one and 1 more]", "b: too"]
