"""Records as a service with an SDK of OpenTelemetry logs them, and what is stored of them. Pure.

Keys and number of the attributes are those of the SDK for Python behind its handler for `logging`, in a service that traces:
docs/otlp.md says under which keys they are stored.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

SCOPE: Final = "shop.orders"
# With service.name, which becomes the node, five attributes.
RESOURCE: Final = {
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.2",
    "service.instance.id": "627cc493-f310-47de-96bd-71410b7dec09",
}
FLAGS: Final = 1  # of the trace: sampled
_FILES: Final = ("orders", "payments", "shipping", "stock")
_FUNCTIONS: Final = ("place_order", "authorise", "reserve", "ship", "cancel", "refund", "lookup", "notify")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a record has beside time, severity and text. attributes are its own."""

    attributes: dict[str, str | int]
    trace_id: bytes
    span_id: bytes

    def stored(self) -> dict[str, str]:
        """All attributes of the row."""
        return {
            **{key: str(value) for key, value in self.attributes.items()},
            "trace_id": self.trace_id.hex(),
            "span_id": self.span_id.hex(),
            "trace_flags": f"{FLAGS:02x}",
            "otel.scope.name": SCOPE,
            **RESOURCE,
        }


def context_of(random: np.random.Generator, trace: int) -> Context:
    """trace: a number of the trace, above 0."""
    file, function, line, customer = (int(random.integers(top)) for top in (len(_FILES), len(_FUNCTIONS), 400, 10**5))
    return Context(
        attributes={
            "code.file.path": f"/app/shop/{_FILES[file]}.py",
            "code.function.name": _FUNCTIONS[function],
            "code.line.number": line + 1,
            "user.id": f"c-{customer:05d}",
        },
        trace_id=trace.to_bytes(8, "big") * 2,
        span_id=random.bytes(8),
    )
