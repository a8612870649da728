"""The parameters of each route and how their texts are read. The models also describe the parameters in the OpenAPI
document. Nothing here knows Flask or SQL."""

from datetime import UTC
from typing import Annotated, Final

from logstream_contract.filters.filters import MAX_TEXT_CHARACTERS, read_names
from logstream_contract.filters.parameters import Parameters, RecordParameters, whole_number
from pydantic import ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema

from logstream_query.questions.cursors import MAX_SEQUENCE, Cursor, Order, read_cursor
from logstream_query.questions.moments import Moment, read_moment

MAX_LIMIT: Final = 5_000
DEFAULT_LIMIT: Final = 100
SEED_DEFAULT_LIMIT: Final = 10


def _read_limit(text: str) -> int:
    return whole_number(text, 1, MAX_LIMIT)


def _read_sequence(text: str) -> int:
    return whole_number(text, 0, MAX_SEQUENCE)


def _read_sequences(text: str) -> tuple[int, ...]:
    return tuple(_read_sequence(name) for name in read_names(text))


def _read_order(text: str) -> Order:
    if text == "desc":
        return "desc"
    if text == "asc":
        return "asc"
    raise ValueError("desc (newest first) or asc")


def _read_time(text: str, info: ValidationInfo) -> Moment:
    return read_moment(text, info.context["zone"] if info.context else UTC)


_TEXT: Final = WithJsonSchema({"type": "string"})
_TIME: Final = WithJsonSchema({"type": "string", "examples": ["2024-08-06T18:51:32Z", "1722970292", "-15m"]})
_LIMIT: Final = WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT})
_ORDER: Final = WithJsonSchema({"type": "string", "enum": ["desc", "asc"]})
_SEQUENCE: Final = WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,19}$", "examples": ["65536"]})
_CURSOR: Final = WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})

Time = Annotated[Moment, PlainValidator(_read_time), _TIME]
Limit = Annotated[int, PlainValidator(_read_limit), _LIMIT]
Sequence = Annotated[int, PlainValidator(_read_sequence), _SEQUENCE]
Sequences = Annotated[tuple[int, ...], PlainValidator(_read_sequences), _TEXT]
CursorText = Annotated[Cursor, PlainValidator(read_cursor), _CURSOR]
OrderText = Annotated[Order, PlainValidator(_read_order), _ORDER]


class FilterParameters(RecordParameters):
    """The filter that all routes about stored records take."""

    start: Time | None = Field(None, description="Records at or after this time.")
    end: Time | None = Field(None, description="Records before this time.")
    sequence: Sequences = Field((), description="Records with these sequences, separated by commas.")
    regex: str = Field(
        "",
        max_length=MAX_TEXT_CHARACTERS,
        description="A PostgreSQL regular expression that matches part of the message; case-sensitive.",
    )


class LogsParameters(FilterParameters):
    """The parameters of /api/logs."""

    limit: Limit = Field(DEFAULT_LIMIT, description="Maximum number of records in a response.")
    cursor: CursorText | None = Field(None, description="The next_cursor of the previous page.")
    order: OrderText | None = Field(
        None, description="desc (newest first, the default) or asc; a cursor keeps its own order."
    )


class HistoricalLogsParameters(Parameters):
    """The parameters of /historical-logs. As in grpc-log-stream, other parameters are ignored."""

    model_config = ConfigDict(extra="ignore")

    sequence_number: Sequence | None = Field(
        None, description="Continue after the record with this sequence, in the order newest first."
    )
    start_time: Time | None = Field(None, alias="startTime", description="Records at or after this time.")
    end_time: Time | None = Field(None, alias="endTime", description="Records up to and including this millisecond.")
    message: str = Field(
        "",
        max_length=MAX_TEXT_CHARACTERS,
        description="A text that the message contains, in any case.",
    )
    level: str = Field("", max_length=MAX_TEXT_CHARACTERS, description="A text that the level contains, in any case.")
    limit: Limit = Field(SEED_DEFAULT_LIMIT, description="Maximum number of records in a response.")
