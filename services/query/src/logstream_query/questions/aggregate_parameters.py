"""The parameters of the routes that count, export or return the records around one, and how their texts are read. Nothing
here knows Flask or SQL."""

from functools import partial
from typing import Annotated, Final, Literal

from logstream_contract.filters.filters import Filter
from logstream_contract.filters.parameters import InvalidParameters, Parameters
from logstream_contract.filters.query_string import ParameterProblem
from pydantic import Field, PlainValidator, WithJsonSchema

from logstream_query.questions.bars import MAX_BARS, read_width
from logstream_query.questions.parameters import CursorText, FilterParameters, OrderText
from logstream_query.questions.queries import filter_of

DEFAULT_BARS: Final = 60
MAX_TARGET_BARS: Final = 1_000
DEFAULT_TOP: Final = 10
MAX_TOP: Final = 1_000
DEFAULT_SAMPLE: Final = 1_000
MAX_SAMPLE: Final = 5_000
DEFAULT_NEIGHBOURS: Final = 10
MAX_NEIGHBOURS: Final = 500

ExportFormat = Literal["ndjson", "csv"]
Scope = Literal["node", "all"]


def read_whole_number(text: str, least: int, most: int | None) -> int:
    """Raises ValueError, which says what was expected."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else -1
    if number < least or (most is not None and number > most):
        raise ValueError(
            f"a whole number from {least} to {most}" if most is not None else f"a whole number of at least {least}"
        )
    return number


def _read_format(text: str) -> ExportFormat:
    if text == "ndjson":
        return "ndjson"
    if text == "csv":
        return "csv"
    raise ValueError("ndjson (one JSON object per line) or csv")


def _read_scope(text: str) -> Scope:
    if text == "node":
        return "node"
    if text == "all":
        return "all"
    raise ValueError("node (records of the same node) or all")


def _whole(least: int, most: int) -> tuple[PlainValidator, WithJsonSchema]:
    return (
        PlainValidator(partial(read_whole_number, least=least, most=most)),
        WithJsonSchema({"type": "integer", "minimum": least, "maximum": most}),
    )


_WIDTH: Final = WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,9}[smhdw]$", "examples": ["10s", "5m", "1h", "1d"]})
_FORMAT: Final = WithJsonSchema({"type": "string", "enum": ["ndjson", "csv"]})
_SCOPE: Final = WithJsonSchema({"type": "string", "enum": ["node", "all"]})
_AT_LEAST_ONE: Final = WithJsonSchema({"type": "integer", "minimum": 1})

TargetBars = Annotated[int, *_whole(1, MAX_TARGET_BARS)]
Width = Annotated[int, PlainValidator(read_width), _WIDTH]
TopCount = Annotated[int, *_whole(1, MAX_TOP)]
Sample = Annotated[int, *_whole(1, MAX_SAMPLE)]
Neighbours = Annotated[int, *_whole(0, MAX_NEIGHBOURS)]
FormatText = Annotated[ExportFormat, PlainValidator(_read_format), _FORMAT]
ScopeText = Annotated[Scope, PlainValidator(_read_scope), _SCOPE]
# The maximum is a setting, so the route checks it.
RecordCount = Annotated[int, PlainValidator(partial(read_whole_number, least=1, most=None)), _AT_LEAST_ONE]


class HistogramParameters(FilterParameters):
    """The parameters of /api/logs/histogram."""

    buckets: TargetBars = Field(
        DEFAULT_BARS, description="The approximate number of bars; their width is rounded to one that is easy to read."
    )
    bucket: Width | None = Field(
        None, description=f"The width of a bar instead, such as 10s, 5m, 1h or 1d; at most {MAX_BARS} bars."
    )


class FacetsParameters(FilterParameters):
    """The parameters of /api/logs/facets."""

    top: TopCount = Field(DEFAULT_TOP, description="How many values to list for each facet, the most frequent first.")
    records: Sample = Field(DEFAULT_SAMPLE, description="How many of the newest matching records to count attributes in.")


class ContextParameters(Parameters):
    """The parameters of /api/logs/<sequence>/context."""

    before: Neighbours = Field(DEFAULT_NEIGHBOURS, description="Records before this one.")
    after: Neighbours = Field(DEFAULT_NEIGHBOURS, description="Records after this one.")
    scope: ScopeText = Field("node", description="Neighbours of the same node, or of all nodes.")


class ExportParameters(FilterParameters):
    """The parameters of /api/logs/export."""

    format: FormatText = Field("ndjson", description="One JSON object per line, or comma-separated values.")
    order: OrderText | None = Field(
        None, description="desc (newest first, the default) or asc; a cursor keeps its own order."
    )
    cursor: CursorText | None = Field(None, description="The next_cursor of an earlier export or page, to continue there.")
    max_records: RecordCount | None = Field(
        None, description="Maximum number of records, up to LOGSTREAM_QUERY_EXPORT_RECORDS, which is also the default."
    )


class StatsParameters(Parameters):
    """/api/stats has no parameters."""


def checked_filter(parameters: FilterParameters, problems: list[ParameterProblem], now_us: int) -> Filter:
    """The filter of these parameters. Raises InvalidParameters with these problems and with contradictions between them."""
    filter_ = filter_of(parameters, now_us, problems)
    if problems:
        raise InvalidParameters(problems)
    return filter_
