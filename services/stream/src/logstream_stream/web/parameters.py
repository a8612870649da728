"""The parameters of /stream: the same filter as history, and where to begin. It must know neither Flask nor the hub."""

from typing import Annotated, Final

from logstream_contract.filters.filters import Filter
from logstream_contract.filters.parameters import RecordParameters, whole_number
from logstream_contract.filters.query_string import ParameterProblem, parameter_problem
from pydantic import Field, PlainValidator, WithJsonSchema

MOST_RECENT_RECORDS: Final = 5_000
MOST_RATE: Final = 1_000_000

_OF_HISTORY: Final = ("start", "end", "sequence", "regex", "limit", "cursor", "order")


def _read_recent(text: str) -> int:
    return whole_number(text, 0, MOST_RECENT_RECORDS)


Recent = Annotated[
    int,
    PlainValidator(_read_recent),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MOST_RECENT_RECORDS}),
]


def _read_max_rate(text: str) -> int:
    return whole_number(text, 1, MOST_RATE)


MaxRate = Annotated[
    int,
    PlainValidator(_read_max_rate),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_RATE}),
]


class StreamParameters(RecordParameters):
    """The parameters that /stream accepts."""

    elsewhere = dict.fromkeys(_OF_HISTORY, "no such parameter for the live stream; use it with /api/logs")

    after: str = Field("", description="Resume after the event with this id. Used if there is no Last-Event-ID header.")
    recent: Recent | None = Field(None, description="Number of recent records to send first.")

    max_rate: MaxRate | None = Field(
        None, description="Maximum number of live records per second, up to the service's own limit."
    )

    def live_filter(self) -> Filter | None:
        """The filter of the live records; None: every record."""
        filter_ = self.record_filter()
        return None if filter_ == Filter() else filter_

    def rate_problem(self, most: int) -> ParameterProblem | None:
        """The problem with this rate if the service sends at most this many records a second; most 0: no limit."""
        if not most or self.max_rate is None or self.max_rate <= most:
            return None
        return parameter_problem(
            "max_rate", str(self.max_rate), f"a whole number from 1 to {most}, the limit of this service"
        )
