"""The checks in the order in which they run, each with a name and its findings. It must not print."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from helm_check import custom, goldens, kubernetes, policy, upgrade, values_schema
from helm_check.cases import LONG_RELEASE, NAMESPACE, RELEASE, Case, find_cases, find_refused
from helm_check.chart import Chart, ChartError, lint, package, packaged_files
from helm_check.findings import Finding
from helm_check.manifests import ManifestError, Render, is_manifest
from helm_check.masking import masked_texts
from helm_check.overview import overview
from helm_check.rules import Rule, naming, network, pods, references, scaling
from helm_check.rules.settings import SettingsRule

# Files that a package may contain besides templates/, files/ and examples/.
_PACKAGED = {"Chart.yaml", "Chart.lock", "values.yaml", "values.schema.json", "README.md", "LICENSE", ".helmignore"}


# The position of an error in a chart, as Helm reports it.
_LOCATION = re.compile(r"/(templates/[^:\s]+):(\d+):\d+")


@dataclass(frozen=True, kw_only=True)
class Folders:
    """The folders and files that the checks use."""

    chart: Path
    goldens: Path
    released: Path
    refused: Path
    schemas: Path
    skipped: Path
    configuration: Path


@dataclass(frozen=True)
class Outcome:
    """A step's findings, and what it looked at."""

    findings: list[Finding]
    looked_at: str


@dataclass(frozen=True)
class Step:
    name: str
    run: Callable[[], Outcome]


class Checks:
    """All steps for one chart. Shared results are computed once; failed renders are findings of the render step."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._rules: list[tuple[str, Rule]] = [
            ("pods", pods.check),
            ("references", references.check),
            ("network", network.check),
            ("scaling", scaling.check),
            ("naming", naming.check),
            ("settings", SettingsRule(folders.configuration)),
        ]

    def steps(self) -> list[Step]:
        return [
            Step("values", self.values),
            Step("lint", self.lint),
            Step("render", self.render),
            Step("refused", self.refused),
            Step("goldens", self.goldens),
            Step("kubernetes", self.kubernetes),
            Step("custom kinds", self.custom),
            *(Step(name, self._rule_runner(rule)) for name, rule in self._rules),
            Step("release names", self.release_names),
            Step("package", self.package),
            Step("upgrade", self.upgrade),
            Step("policy", self.policy),
        ]

    @cached_property
    def chart(self) -> Chart:
        return Chart(self._folders.chart)

    @cached_property
    def cases(self) -> list[Case]:
        return find_cases(self._folders.chart)

    @cached_property
    def _rendered(self) -> tuple[list[Render], list[Finding], dict[str, dict[str, str]]]:
        """The cases that render, findings for those that do not, and the masked texts by case."""
        renders, findings, masked = [], [], {}
        for case in self.cases:
            try:
                render, again = rendered(self.chart, case), rendered(self.chart, case)
                # An upgrade uses other branches of templates.
                rendered(self.chart, case, upgrade=True)
                texts, differences = masked_texts(render, again)
            except (ChartError, ManifestError) as error:
                findings.append(Finding(case.location, str(error)))
                continue
            renders.append(render)
            findings += differences
            masked[case.name] = texts
        return renders, findings, masked

    @property
    def renders(self) -> list[Render]:
        return self._rendered[0]

    @property
    def golden_contents(self) -> dict[str, str]:
        """The expected goldens by case."""
        masked = self._rendered[2]
        defaults = next(iter(masked.values()), {})
        overviews = {render.case: overview(render) for render in self.renders}
        return {case: goldens.content(case, texts, defaults, overview=overviews[case]) for case, texts in masked.items()}

    def values(self) -> Outcome:
        return Outcome(list(values_schema.check(self._folders.chart)), "values.yaml and its schema")

    def lint(self) -> Outcome:
        findings = [
            Finding(location, message, case.name)
            for case in self.cases
            for location, message in lint(self._folders.chart, case.values, NAMESPACE)
        ]
        for name, text in self.chart.templates().items():
            if ".Capabilities." in text:
                findings.append(Finding(name, "uses the cluster's capabilities: the result there cannot be reviewed here"))
        return Outcome(findings, f"{len(self.cases)} value files")

    def render(self) -> Outcome:
        objects = sum(len(render.documents) for render in self.renders)
        sources = {document.source for render in self.renders for document in render.documents}
        never = [
            Finding(name, "no value file renders it, so no step checks it: add one to ci/")
            for name, text in self.chart.templates().items()
            if is_manifest(name) and "apiVersion:" in text and name not in sources and len(self.renders) == len(self.cases)
        ]
        return Outcome(self._rendered[1] + never, f"{objects} objects of {len(self.renders)} value files")

    def _copy_without_files(self) -> str:
        """The error message for a copy of the chart without the links in files/; empty if the copy is accepted."""
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(self._folders.chart, Path(folder) / "logstream", ignore=shutil.ignore_patterns("files"))
            try:
                Chart(copy).render({}, RELEASE, NAMESPACE)
            except ChartError as error:
                return str(error)
        return ""

    def refused(self) -> Outcome:
        findings = []
        value_files = find_refused(self._folders.refused)
        met: set[tuple[str, int]] = set()
        for refused in value_files:
            location = f"{refused.path.parent.name}/{refused.path.name}"
            if not refused.sentence:
                findings.append(Finding(location, "has no comment at the top with the expected message"))
                continue
            try:
                self.chart.render(refused.values, RELEASE, NAMESPACE)
            except ChartError as error:
                met.update((source, int(line)) for source, line in _LOCATION.findall(str(error)))
                if refused.sentence not in " ".join(str(error).split()):
                    findings.append(Finding(location, f"is refused, but not with {refused.sentence!r}: {error}"))
            else:
                findings.append(Finding(location, f"is accepted; it should be refused with {refused.sentence!r}"))
        met.update((source, int(line)) for source, line in _LOCATION.findall(self._copy_without_files()))
        for source, line in sentences(self.chart.templates()):
            if (source, line) not in met:
                findings.append(
                    Finding(f"{source}:{line}", f"no value file in {self._folders.refused.name}/ triggers this `fail`")
                )
        return Outcome(findings, f"{len(value_files)} value files")

    def goldens(self) -> Outcome:
        contents = self.golden_contents
        return Outcome(list(goldens.compare(self._folders.goldens, contents)), f"{len(contents)} files")

    def kubernetes(self) -> Outcome:
        return Outcome(kubernetes.check(self.renders), f"Kubernetes {', '.join(kubernetes.versions())}")

    def custom(self) -> Outcome:
        schemas = len(custom.load(self._folders.schemas))
        return Outcome(list(custom.check(self.renders, self._folders.schemas)), f"{schemas} schemas")

    def release_names(self) -> Outcome:
        findings: list[Finding] = []
        for case in self.cases:
            try:
                findings += naming.check_names(rendered(self.chart, case, release=LONG_RELEASE))
                first, second = (rendered(self.chart, case, release=name) for name in ("one", "another"))
                findings += naming.check_apart(first, second)
            except (ChartError, ManifestError) as error:
                findings.append(Finding(case.location, f"with another release name: {error}"))
        return Outcome(findings, f"one of {len(LONG_RELEASE)} characters, and two in one namespace")

    def package(self) -> Outcome:
        with tempfile.TemporaryDirectory() as scratch:
            archive = package(self._folders.chart, Path(scratch))
            findings = list(packaged(self._folders.chart, packaged_files(archive)))
            chart = Chart(archive)
            for case in self.cases:
                masked = self._rendered[2].get(case.name)
                if masked is None:
                    continue
                texts, _ = masked_texts(rendered(chart, case), rendered(chart, case))
                findings += [
                    Finding(source, "renders differently from the package", case.name)
                    for source in sorted({*texts, *masked})
                    if texts.get(source) != masked.get(source)
                ]
            size = archive.stat().st_size
        return Outcome(findings, f"{size / 1024:.0f} KiB")

    def upgrade(self) -> Outcome:
        findings: list[Finding] = []
        packages = upgrade.released(self._folders.released)
        for previous in packages:
            refusal = upgrade.values_refused(previous, self.chart)
            if refusal:
                findings.append(
                    Finding("values.schema.json", f"refuses the default values of {previous.version}: {refusal}")
                )
            for case in self.cases:
                present = next((render for render in self.renders if render.case == case.name), None)
                try:
                    was = rendered(previous, case)
                except ChartError:
                    # A value that the release did not have.
                    continue
                if present is None:
                    continue
                findings += upgrade.compare(was, present, previous.version)
                if previous.version == self.chart.version:
                    texts, _ = masked_texts(was, rendered(previous, case))
                    if texts != self._rendered[2][case.name]:
                        message = f"{previous.version} is released and rendered something else: raise the version"
                        findings.append(Finding("Chart.yaml: version", message))
        versions = ", ".join(chart.version for chart in packages)
        return Outcome(findings, f"from {versions}" if versions else "no chart is released yet")

    def policy(self) -> Outcome:
        return Outcome(
            list(policy.check(self.renders, self._folders.skipped)), f"checkov, reasons in {self._folders.skipped.name}"
        )

    def _rule_runner(self, rule: Rule) -> Callable[[], Outcome]:
        def run() -> Outcome:
            findings = [finding for render in self.renders for finding in rule(render)]
            return Outcome(findings, f"{len(self.renders)} value files")

        return run


def rendered(chart: Chart, case: Case, *, release: str = RELEASE, upgrade: bool = False) -> Render:
    """Raises ChartError, and ManifestError for a text that is not a list of objects."""
    output = chart.render(case.values, release, NAMESPACE, upgrade=upgrade)
    render = Render(case=case.name, release=release, namespace=NAMESPACE, values=output.values, texts=output.texts)
    if not render.documents:
        raise ManifestError("nothing is rendered")
    return render


def sentences(templates: dict[str, str]) -> list[tuple[str, int]]:
    """The `fail` calls in templates: pairs of template and line."""
    return [
        (source, number)
        for source, text in templates.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(r"{{-? *fail ", line)
    ]


def packaged(chart: Path, files: dict[str, bytes | None]) -> Iterator[Finding]:
    """Findings for a package's files compared with the chart's folder. Links must be replaced by their contents."""
    for name, content in files.items():
        if content is None:
            yield Finding(name, "is not a plain file in the package")
        if name not in _PACKAGED and name.split("/")[0] not in ("templates", "files", "examples"):
            yield Finding(name, "should not be in the package: add it to .helmignore")
    for path in sorted((chart / "files").rglob("*")):
        name = path.relative_to(chart).as_posix()
        if path.is_dir():
            continue
        if not path.exists():
            yield Finding(name, "is a link to nothing")
        elif files.get(name) != path.read_bytes():
            yield Finding(name, "has another content in the package, or is not in it")
    for name in ("values.schema.json", "values.yaml"):
        if files.get(name) is None:
            yield Finding(name, "is not in the package")
