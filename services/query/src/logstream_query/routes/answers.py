"""The forms of the answers, to be described: the OpenAPI document is made from these models. The routes make their answers
of plain dictionaries, and a test holds the two together."""

from typing import Annotated

from pydantic import BaseModel, Field

Time = Annotated[str, Field(description="UTC, with microseconds.", examples=["2024-08-06T18:51:32.513200Z"])]
SequenceText = Annotated[
    str,
    Field(
        pattern="^[0-9]{1,19}$",
        description="Identifies the record. A decimal number of up to 63 bits, more than a JavaScript number holds.",
        examples=["65536"],
    ),
]
Severity = Annotated[
    int,
    Field(
        ge=0,
        le=24,
        description="OpenTelemetry's number: 5 debug, 9 info, 13 warn, 17 error; 0 for a level of no known severity.",
    ),
]


class Record(BaseModel):
    """A stored record."""

    sequence: SequenceText
    time: Time
    severity: Severity
    level: str = Field(description="As the sender wrote it.", examples=["error"])
    node: str = Field(description="Who logged.", examples=["api-1"])
    message: str = Field(examples=["disk is full"])
    attributes: dict[str, str] = Field(examples=[{"trace_id": "4bf92f3577b34da6"}])


class Page(BaseModel):
    """Records in the order asked for. It may hold fewer than asked for, or none, and yet not be the last: a search answers
    within its budget with what it has found, and no page holds more than about 8 MiB of records."""

    records: list[Record]
    next_cursor: str | None = Field(
        description="Ask the same again with `cursor` set to this to go on; null when everything was looked at."
    )
    complete: bool = Field(description="Whether everything was looked at.")
    scanned_until: str | None = Field(
        description="All matching records between where the search began and this time are in the answers so far; null when "
        "everything was looked at.",
        examples=["2024-08-06T18:00:00.000000Z"],
    )
    found: int = Field(ge=0, description="Records found so far, on all pages of this walk.")


class Complete(BaseModel):
    """Whether a side holds as many as asked for, or all that there are. Else the search ended early, or the records were too
    large: there may be more."""

    before: bool
    after: bool


class Context(BaseModel):
    """A record among its neighbours, all oldest first."""

    before: list[Record]
    record: Record
    after: list[Record]
    complete: Complete


class SeedRecord(BaseModel):
    """A stored record as the first release's route has it."""

    sequence_number: SequenceText
    timestamp: str = Field(description="UTC, with milliseconds.", examples=["2024-08-06T18:51:32.513Z"])
    node: str = Field(examples=["api-1"])
    level: str = Field(examples=["error"])
    message: str = Field(examples=["disk is full"])


class ParameterProblem(BaseModel):
    """What is wrong with one parameter."""

    name: str = Field(examples=["limit"])
    value: str = Field(description="What was given, cut to a length fit to be shown.", examples=["1e9"])
    expected: str = Field(examples=["a whole number from 1 to 5000"])


class Problem(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    type: str = Field(description="Always about:blank: the status says the kind.", examples=["about:blank"])
    title: str = Field(examples=["Invalid parameters"])
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="For people.", examples=["limit: expected a whole number from 1 to 5000"])
    problems: list[ParameterProblem] = Field(
        default_factory=list, description="Of a 400: what is wrong with the parameters, up to ten things at once."
    )
