"""Rules for a rendered chart that schemas cannot express: one module per subject, each with `check(render)`."""

from collections.abc import Callable, Iterator

from helm_check.findings import Finding
from helm_check.manifests import Render

Rule = Callable[[Render], Iterator[Finding]]
