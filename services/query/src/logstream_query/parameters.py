"""The parameters of each route and how their texts are read. The models are made to describe the parameters, too; nothing
here knows Flask or SQL."""

from collections.abc import Collection
from datetime import UTC, tzinfo
from typing import Annotated, Any, Final, Self

from logstream_contract.filters import MAX_TEXT_CHARACTERS, Terms, read_names, read_terms
from logstream_contract.severity import HIGHEST, severity_of
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, ValidationInfo, WithJsonSchema
from pydantic_core import ErrorDetails

from logstream_query.cursors import Cursor, Order, read_cursor
from logstream_query.moments import Moment, read_moment
from logstream_query.problems import ParameterProblem, parameter_problem
from logstream_query.query_string import read_query_string

MAX_LIMIT: Final = 5_000
DEFAULT_LIMIT: Final = 100
SEED_DEFAULT_LIMIT: Final = 10
MAX_SEQUENCE: Final = 2**63 - 1


def _whole_number(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise ValueError(f"a whole number from {least} to {most}")
    return int(text)


def _read_limit(text: str) -> int:
    return _whole_number(text, 1, MAX_LIMIT)


def _read_sequence(text: str) -> int:
    return _whole_number(text, 0, MAX_SEQUENCE)


def _read_order(text: str) -> Order:
    if text == "desc":
        return "desc"
    if text == "asc":
        return "asc"
    raise ValueError("desc (newest first) or asc")


def _read_min_level(text: str) -> int:
    severity = severity_of(text)
    if not severity and text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST)):
        severity = int(text)
    if not 1 <= severity <= HIGHEST:
        raise ValueError(f"a level name such as debug, info, warn or error, or a severity number from 1 to {HIGHEST}")
    return severity


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
Names = Annotated[tuple[str, ...], PlainValidator(read_names), _TEXT]
MinLevel = Annotated[int, PlainValidator(_read_min_level), _TEXT]
Sequence = Annotated[int, PlainValidator(_read_sequence), _SEQUENCE]
SearchText = Annotated[Terms, PlainValidator(read_terms), _TEXT]
CursorText = Annotated[Cursor, PlainValidator(read_cursor), _CURSOR]
OrderText = Annotated[Order, PlainValidator(_read_order), _ORDER]


class Parameters(BaseModel):
    """The parameters of one route. A parameter given as the empty string counts as absent."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def read(cls, query_string: str, zone: tzinfo = UTC) -> tuple[Self, list[ParameterProblem]]:
        """The parameters, with those that can't be read left at their defaults, and every problem with them.

        query_string holds its bytes as latin-1; a time that names no zone is read in `zone`.
        """
        known = names_of(cls)
        ignore_unknown = cls.model_config.get("extra") == "ignore"
        values, problems = read_query_string(query_string, known, ignore_unknown=ignore_unknown)
        context = {"zone": zone}
        try:
            return cls.model_validate(values, context=context), problems
        except ValidationError as error:
            found = [_problem_of(one, known) for one in error.errors(include_url=False)]
            for one in error.errors(include_url=False):
                del values[str(one["loc"][0])]
        return cls.model_validate(values, context=context), problems + found


class FilterParameters(Parameters):
    """Which records are meant: what all routes about stored records take."""

    start: Time | None = Field(None, description="Records from this time on.")
    end: Time | None = Field(None, description="Records before this time.")
    level: Names = Field((), description="Levels, with commas between them; upper and lower case are the same.")
    min_level: MinLevel | None = Field(None, description="Records at least as severe as this level.")
    node: Names = Field((), description="Nodes, with commas between them; `*` stands for any run of characters.")
    q: SearchText = Field(
        Terms(), description='Words the message must all hold; `-word` excludes, "quotes" hold a phrase together.'
    )


class LogsParameters(FilterParameters):
    """What /api/logs takes."""

    limit: Limit = Field(DEFAULT_LIMIT, description="Records in an answer.")
    cursor: CursorText | None = Field(None, description="next_cursor of the page before.")
    order: OrderText | None = Field(None, description="desc, newest first, unless asked otherwise; a cursor keeps its own.")


class HistoricalLogsParameters(Parameters):
    """What the seed's /historical-logs takes; like the seed it overlooks other parameters."""

    model_config = ConfigDict(extra="ignore")

    sequence_number: Sequence | None = Field(
        None, description="Records that come after the one of this sequence, newest first."
    )
    start_time: Time | None = Field(None, alias="startTime", description="Records from this time on.")
    end_time: Time | None = Field(None, alias="endTime", description="Records up to and with this millisecond.")
    message: str = Field(
        "",
        max_length=MAX_TEXT_CHARACTERS,
        description="A text the message holds; upper and lower case are the same.",
    )
    level: str = Field(
        "", max_length=MAX_TEXT_CHARACTERS, description="A text the level holds; upper and lower case are the same."
    )
    limit: Limit = Field(SEED_DEFAULT_LIMIT, description="Records in an answer.")


def names_of(model: type[BaseModel]) -> list[str]:
    """The parameters' names as a query string spells them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _problem_of(error: ErrorDetails, known: Collection[str]) -> ParameterProblem:
    name, value = str(error["loc"][0]), str(error["input"])
    context: dict[str, Any] = error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        expected = f"one of the parameters {', '.join(known)}"
    elif error["type"] == "string_too_long":
        expected = f"at most {context['max_length']} characters"
    else:
        expected = str(context.get("error", error["msg"]))
    return parameter_problem(name, value, expected)
