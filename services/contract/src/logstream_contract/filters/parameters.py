"""The parameters of HTTP routes, read from query strings; every problem is named. Among them are those of a filter, which
history and the live stream read in the same way. The models also describe the parameters. It must not know Flask or SQL, and
needs the extra `parameters`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from logstream_contract.filters.filters import MAX_ATTRIBUTES, Filter, Terms, check_key, read_names, read_terms
from logstream_contract.filters.query_string import ParameterProblem, parameter_problem, read_query_string
from logstream_contract.rows.severity import HIGHEST, severity_of

ATTRIBUTE: Final = "attr."
NOT_ATTRIBUTE: Final = "-attr."
ATTRIBUTES: Final = "attr"
MAX_PROBLEMS: Final = 10


class InvalidParameters(Exception):
    """An invalid query. Names up to MAX_PROBLEMS problems and says how many more there are: a query may contain thousands of
    names, and a response must not be many times larger than its request."""

    def __init__(self, problems: Sequence[ParameterProblem]) -> None:
        shown = problems[:MAX_PROBLEMS]
        text = "; ".join(f"{problem['name']}: expected {problem['expected']}" for problem in shown)
        super().__init__(f"{text}; and {len(problems) - len(shown)} more" if len(problems) > len(shown) else text)
        self.problems = shown


class AttributeTerms(NamedTuple):
    """Keys and values that a record must all have, and ones of which it must have none."""

    included: tuple[tuple[str, str], ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()


def whole_number(text: str, least: int, most: int) -> int:
    """Raises ValueError for any text but the decimal digits of a number in this range."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise ValueError(f"a whole number from {least} to {most}")
    return int(text)


def _read_min_level(text: str) -> int:
    severity = severity_of(text)
    if not severity and text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST)):
        severity = int(text)
    if not 1 <= severity <= HIGHEST:
        raise ValueError(f"a level name such as debug, info, warn or error, or a severity number from 1 to {HIGHEST}")
    return severity


def _take_attributes(attributes: object) -> AttributeTerms:
    if not isinstance(attributes, AttributeTerms):
        raise ValueError(f"a parameter name that contains a key: {ATTRIBUTE}<key>=<value>")
    return attributes


_TEXT: Final = WithJsonSchema({"type": "string"})
_ATTRIBUTES: Final = WithJsonSchema(
    {
        "type": "object",
        "patternProperties": {r"^-?attr\..": {"type": "string"}},
        "additionalProperties": False,
        "maxProperties": MAX_ATTRIBUTES,
        "examples": [{"attr.trace_id": "4bf92f35", "-attr.user": "probe"}],
    }
)

Names = Annotated[tuple[str, ...], PlainValidator(read_names), _TEXT]
MinLevel = Annotated[int, PlainValidator(_read_min_level), _TEXT]
SearchText = Annotated[Terms, PlainValidator(read_terms), _TEXT]
Attributes = Annotated[AttributeTerms, PlainValidator(_take_attributes), _ATTRIBUTES]


class Parameters(BaseModel):
    """The parameters of one route. A parameter given as the empty string counts as absent."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    # Prefixes of names that are no fields: the caller chooses the rest of such a name.
    prefixes: ClassVar[tuple[str, ...]] = ()
    # What is expected instead of names that only other routes have.
    elsewhere: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def read(cls, query_string: str, zone: tzinfo = UTC) -> tuple[Self, list[ParameterProblem]]:
        """The parameters, and every problem with them; parameters that can't be read have their defaults.

        query_string holds its bytes as latin-1; a time that names no zone is read in `zone`.
        """
        ignore_unknown = cls.model_config.get("extra") == "ignore"
        # A field of prefixed names is itself no name.
        known = [name for name in names_of(cls) if f"{name}." not in cls.prefixes]
        query = read_query_string(query_string, known, prefixes=cls.prefixes, ignore_unknown=ignore_unknown)
        problems = query.problems
        values: dict[str, Any] = {**query.values}
        if query.prefixed:
            values = {**cls.read_prefixed(query.prefixed, problems), **values}
        context = {"zone": zone}
        try:
            return cls.model_validate(values, context=context), problems
        except ValidationError as error:
            errors = error.errors(include_url=False)
        for detail in errors:
            problems.append(cls._problem_of(detail))
            del values[str(detail["loc"][0])]
        return cls.model_validate(values, context=context), problems

    @classmethod
    def read_prefixed(cls, pairs: list[tuple[str, str]], problems: list[ParameterProblem]) -> Mapping[str, object]:
        """The field for pairs whose names begin with a prefix. Their problems are added to problems."""
        return {}

    @classmethod
    def _problem_of(cls, error: ErrorDetails) -> ParameterProblem:
        name, value = str(error["loc"][0]), str(error["input"])
        context: dict[str, Any] = error.get("ctx", {})
        if error["type"] == "extra_forbidden":
            expected = cls.elsewhere.get(name) or f"one of the parameters {', '.join(shown_names_of(cls))}"
        elif error["type"] == "string_too_long":
            expected = f"at most {context['max_length']} characters"
        else:
            expected = str(context.get("error", error["msg"]))
        return parameter_problem(name, value, expected)


class RecordParameters(Parameters):
    """A filter, as both history and the live stream accept it."""

    prefixes = (ATTRIBUTE, NOT_ATTRIBUTE)

    level: Names = Field((), description="Levels, separated by commas; not case-sensitive.")
    min_level: MinLevel | None = Field(None, description="Records at least as severe as this level.")
    node: Names = Field((), description="Nodes, separated by commas; `*` stands for any number of characters.")
    q: SearchText = Field(
        Terms(),
        description='Words that the message must contain (all of them). `-word` excludes a word; "quotes" enclose a phrase.',
    )
    attr: Attributes = Field(
        AttributeTerms(),
        description="`attr.<key>=<value>`: records that have this attribute with exactly this value;"
        " `-attr.<key>=<value>`: records that do not. Can be given up to"
        f" {MAX_ATTRIBUTES} times in total; all must match. An empty value is compared like any other.",
    )

    @classmethod
    def read_prefixed(cls, pairs: list[tuple[str, str]], problems: list[ParameterProblem]) -> Mapping[str, object]:
        included: dict[str, str] = {}
        excluded: dict[tuple[str, str], None] = {}
        for name, value in pairs[:MAX_ATTRIBUTES]:
            is_excluded = name.startswith(NOT_ATTRIBUTE)
            key = name.removeprefix(NOT_ATTRIBUTE if is_excluded else ATTRIBUTE)
            try:
                check_key(key)
            except ValueError as error:
                problems.append(parameter_problem(name, value, str(error)))
                continue
            if is_excluded:
                excluded[key, value] = None
            elif key in included:
                problems.append(parameter_problem(name, value, "only one value for this key"))
            else:
                included[key] = value
        if len(pairs) > MAX_ATTRIBUTES:
            most = f"at most {MAX_ATTRIBUTES} parameters {ATTRIBUTE}<key> and {NOT_ATTRIBUTE}<key>"
            problems.append(parameter_problem(*pairs[MAX_ATTRIBUTES], most))
        return {ATTRIBUTES: AttributeTerms(tuple(included.items()), tuple(excluded))}

    def record_filter(self) -> Filter:
        """These parameters as a filter."""
        return Filter(
            levels=self.level,
            min_severity=self.min_level,
            nodes=self.node,
            text=self.q,
            attributes=self.attr.included,
            not_attributes=self.attr.excluded,
        )


def names_of(model: type[BaseModel]) -> list[str]:
    """The names of a model's fields as a query string spells them; `attr` stands for the names that begin with it."""
    return [field.alias or name for name, field in model.model_fields.items()]


def shown_names_of(model: type[BaseModel]) -> list[str]:
    """The same for people."""
    shown = {ATTRIBUTES: (f"{ATTRIBUTE}<key>", f"{NOT_ATTRIBUTE}<key>")}
    return [name for known in names_of(model) for name in shown.get(known, (known,))]


def label_of(name: str) -> str:
    """For a metric: the part of a parameter's name that is not the caller's own."""
    return ATTRIBUTES if name.startswith((ATTRIBUTE, NOT_ATTRIBUTE)) else name
