"""What a rendered chart must be like beyond what schemas can say: one module a subject, each with `check(render)`."""

from collections.abc import Callable, Iterator

from helm_check.findings import Finding
from helm_check.manifests import Render

Rule = Callable[[Render], Iterator[Finding]]
