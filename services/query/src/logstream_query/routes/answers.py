"""Models of the responses. The OpenAPI document is made from them. The routes build their responses from plain dictionaries;
a test keeps both the same."""

from typing import Annotated

from pydantic import BaseModel, Field

Time = Annotated[str, Field(description="UTC, with microseconds.", examples=["2024-08-06T18:51:32.513200Z"])]
SequenceText = Annotated[
    str,
    Field(
        pattern="^[0-9]{1,19}$",
        description="Identifies the record. A decimal number of up to 63 bits, more than a JavaScript number can hold.",
        examples=["65536"],
    ),
]
Severity = Annotated[
    int,
    Field(
        ge=0,
        le=24,
        description="OpenTelemetry's severity number: 5 debug, 9 info, 13 warn, 17 error; 0 for an unknown level.",
    ),
]


class Record(BaseModel):
    """A stored record."""

    sequence: SequenceText
    time: Time
    severity: Severity
    level: str = Field(description="The level as the sender wrote it.", examples=["error"])
    node: str = Field(description="The sender of the record.", examples=["api-1"])
    message: str = Field(examples=["disk is full"])
    attributes: dict[str, str] = Field(examples=[{"trace_id": "4bf92f3577b34da6"}])


class Page(BaseModel):
    """Records in the requested order. A page may hold fewer records than requested, or none, without being the last one: a
    search returns within its time budget what it has found, and no page holds more than about 8 MiB of records."""

    records: list[Record]
    next_cursor: str | None = Field(
        description="To continue, repeat the request with `cursor` set to this value. Null when everything was searched."
    )
    complete: bool = Field(description="Whether everything was searched.")
    scanned_until: str | None = Field(
        description="All matching records from the start of the first page to this time have been returned. Null when "
        "everything was searched.",
        examples=["2024-08-06T18:00:00.000000Z"],
    )
    found: int = Field(ge=0, description="Number of records returned so far, on this page and all before it.")


class Complete(BaseModel):
    """Whether a side holds as many records as requested, or all that there are. Otherwise the search ended early or the
    records were too large, and there may be more."""

    before: bool
    after: bool


class Context(BaseModel):
    """A record and its neighbours, ordered oldest first."""

    before: list[Record]
    record: Record
    after: list[Record]
    complete: Complete


class SeedRecord(BaseModel):
    """A stored record in the format of grpc-log-stream."""

    sequence_number: SequenceText
    timestamp: str = Field(description="UTC, with milliseconds.", examples=["2024-08-06T18:51:32.513Z"])
    node: str = Field(examples=["api-1"])
    level: str = Field(examples=["error"])
    message: str = Field(examples=["disk is full"])


class ParameterProblem(BaseModel):
    """What is wrong with one parameter."""

    name: str = Field(examples=["limit"])
    value: str = Field(description="The given value, cut to a displayable length.", examples=["1e9"])
    expected: str = Field(examples=["a whole number from 1 to 5000"])


class Problem(BaseModel):
    """Why a request failed (RFC 9457)."""

    type: str = Field(
        description="Always about:blank; the status says what kind of problem it is.", examples=["about:blank"]
    )
    title: str = Field(examples=["Invalid parameters"])
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="An explanation for people.", examples=["limit: expected a whole number from 1 to 5000"])
    problems: list[ParameterProblem] = Field(
        default_factory=list, description="For a 400: up to ten problems with the parameters."
    )
