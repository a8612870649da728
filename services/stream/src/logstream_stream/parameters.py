"""The parameters of /stream: the filter that history has, too, and where to begin. It knows neither Flask nor the hub."""

from typing import Annotated, Final

from logstream_contract.filters import Filter
from logstream_contract.parameters import RecordParameters, whole_number
from pydantic import Field, PlainValidator, WithJsonSchema

MOST_RECENT_RECORDS: Final = 5_000

_OF_HISTORY: Final = ("start", "end", "sequence", "regex", "limit", "cursor", "order")


def _read_recent(text: str) -> int:
    return whole_number(text, 0, MOST_RECENT_RECORDS)


Recent = Annotated[
    int,
    PlainValidator(_read_recent),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MOST_RECENT_RECORDS}),
]


class StreamParameters(RecordParameters):
    """What /stream takes."""

    elsewhere = dict.fromkeys(_OF_HISTORY, "no such parameter: it is for history, at /api/logs")

    after: str = Field("", description="The id of an event to go on after, when the Last-Event-ID header is not sent.")
    recent: Recent | None = Field(None, description="Records of the first screen.")

    def wanted(self) -> Filter | None:
        """None: every record."""
        wanted = self.record_filter()
        return None if wanted == Filter() else wanted
