"""The policy scanner, and the reasons for what it holds against the chart."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from helm_check import policy
from helm_check.findings import as_lines
from helm_check.policy import Failed, PolicyError
from made_up import changed

FAILED = Failed(
    check="CKV_K8S_19",
    name="Containers should not share the host network",
    resource="Deployment/demo-query",
    source="templates/a.yaml",
    case="ci-a",
    fields="",
)
LINE = "templates/a.yaml: Deployment demo-query: CKV_K8S_19: Containers should not share the host network [ci-a]"


def skips(folder: Path, text: str) -> dict[str, policy.Skip]:
    path = folder / "skipped.yaml"
    path.write_text(text, encoding="utf-8")
    return policy.read_skips(path)


def judged(failures: list[Failed], reasons: dict[str, policy.Skip]) -> list[str]:
    return list(as_lines(policy.judge(failures, reasons, "skipped.yaml")))


def test_the_scanner_finds_what_is_wrong() -> None:
    made = changed("Deployment", "demo-query", "spec", "template", "spec", "hostNetwork", True)
    failures = [failed for failed in policy.scan([made]) if failed.check == "CKV_K8S_19"]
    assert [(failed.resource, failed.source, failed.case) for failed in failures] == [
        ("Deployment/demo-query", "templates/all.yaml", "defaults")
    ]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ('{"passed": 0, "failed": 0}', "checkov ended with 0: it said"),
        ("", "checkov ended with 0: it said"),
        ('{"results": {"failed_checks": []}, "summary": {"parsing_errors": 2}}', "checkov could not read 2 files"),
    ],
)
def test_a_scan_of_nothing_is_an_error(output: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        policy.failed_checks(subprocess.CompletedProcess([], 0, output, "it said"))


def test_a_failed_check_is_told(tmp_path: Path) -> None:
    assert judged([FAILED], skips(tmp_path, "")) == [LINE]


def test_a_reason_lets_it_pass(tmp_path: Path) -> None:
    assert judged([FAILED], skips(tmp_path, "CKV_K8S_19: {reason: made up}")) == []
    assert judged([FAILED], skips(tmp_path, "CKV_K8S_19: {reason: made up, only: [Deployment/*-query]}")) == []


def test_a_reason_is_for_what_it_names(tmp_path: Path) -> None:
    reasons = skips(tmp_path, "CKV_K8S_19: {reason: made up, only: [Deployment/*-query]}")
    assert judged([FAILED, replace(FAILED, resource="Pod/demo-query")], reasons) == [LINE.replace("Deployment", "Pod")]


def test_a_reason_that_nothing_needs_is_told(tmp_path: Path) -> None:
    reasons = skips(tmp_path, "CKV_K8S_19: {reason: made up, only: [Deployment/*, Pod/*]}")
    assert judged([FAILED], reasons) == ["skipped.yaml: CKV_K8S_19 no longer fails for Pod/*: remove it"]


@pytest.mark.parametrize("text", ["CKV_K8S_1: because\n", "CKV_K8S_1: {reason: ''}\n", "CKV_K8S_1: {reason: a, for: b}\n"])
def test_a_skip_needs_a_reason(tmp_path: Path, text: str) -> None:
    with pytest.raises(PolicyError, match=r"skipped\.yaml: CKV_K8S_1 needs a `reason`"):
        skips(tmp_path, text)
