"""`python -m helm_check`: all checks of the chart, one line each; exits with 1 if a check has findings. See README.md."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from helm_check import goldens
from helm_check.chart import ChartError, package
from helm_check.findings import as_lines
from helm_check.policy import PolicyError
from helm_check.steps import Checks, Folders, Step


def folders() -> Folders:
    """The folders of this repository."""
    here = Path(__file__).resolve().parent.parent
    helm = here.parent
    return Folders(
        chart=helm / "logstream",
        goldens=helm / "goldens",
        released=helm / "released",
        refused=here / "refused",
        schemas=here / "schemas",
        skipped=here / "skipped.yaml",
        configuration=helm.parent / "docs" / "configuration.md",
    )


def main(arguments: list[str]) -> int:
    usual = folders()
    parser = argparse.ArgumentParser(prog="helm_check", description="Check the Helm chart without a cluster.")
    parser.add_argument("--chart", type=Path, default=usual.chart, help="the chart's folder")
    parser.add_argument("--goldens", type=Path, default=usual.goldens, help="folder of the rendered charts")
    parser.add_argument("--released", type=Path, default=usual.released, help="folder of the packages of released versions")
    parser.add_argument("--only", action="append", metavar="STEP", help="run only this step; can be repeated")
    parser.add_argument("--write", action="store_true", help="write the goldens instead of checking them")
    parser.add_argument("--release", action="store_true", help="check, then keep the chart's package as a released version")
    options = parser.parse_args(arguments)
    checks = Checks(replace(usual, chart=options.chart, goldens=options.goldens, released=options.released))
    names = [step.name for step in checks.steps()]
    unknown = sorted(set(options.only or []) - set(names))
    if unknown:
        parser.error(f"--only takes {', '.join(names)}, not {', '.join(unknown)}")
    wanted = {"render"} if options.write else set(options.only or names)
    if failed([step for step in checks.steps() if step.name in wanted]):
        return 1
    if options.write:
        goldens.write(options.goldens, checks.golden_contents)
    if options.release:
        options.released.mkdir(exist_ok=True)
        print(f"kept {package(options.chart, options.released).name}")
    return 0


def failed(steps: list[Step]) -> bool:
    """Run the steps, print a line for each and one for each finding."""
    wrong = 0
    for step in steps:
        try:
            outcome = step.run()
            lines, looked_at = list(as_lines(outcome.findings)), outcome.looked_at
        except (ChartError, PolicyError) as error:
            lines, looked_at = [str(error)], "could not run"
        wrong += len(lines)
        print(f"{'FAIL' if lines else 'ok  '}  {step.name}: {looked_at}", flush=True)
        for line in lines:
            print(f"  {line}", flush=True)
    if wrong:
        print(f"{wrong} to fix")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
