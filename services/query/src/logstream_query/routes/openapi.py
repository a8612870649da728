"""Makes the OpenAPI 3.1 document from the models that read the parameters and from those that describe the responses. It
knows no routes; `operations` lists them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

OPENAPI_VERSION: Final = "3.1.0"

_REFERENCE: Final = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The response for one status.

    bodies: by media type, a type that pydantic can describe (a model, a list of models), or None for a text without a
    schema. headers: by name, the OpenAPI header object.
    """

    description: str
    bodies: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """GET on one path.

    path: with each parameter in braces, /a/{b}. name: the unique operationId. parameters: those of the query string; a
    field whose JSON schema is an object stands for parameters whose names the client chooses. path_parameters: by name, a
    JSON schema with a description. problems: the other statuses it can return, of those in Api.problems.
    """

    path: str
    name: str
    summary: str
    answers: Mapping[int, Answer]
    problems: tuple[int, ...]
    description: str = ""
    parameters: type[BaseModel] | None = None
    path_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """problems: the errors that operations have in common, by status; each is defined once in the document."""

    title: str
    description: str
    problems: Mapping[int, tuple[str, Answer]]
    operations: Sequence[Operation]


class _ParameterSchema(GenerateJsonSchema):
    """A parameter that is left out is not in the query string, so null is not one of its values. Only a default that a
    query string can hold is shown."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        default = schema.get("default")
        if isinstance(default, int | str) and default != "":
            return super().default_schema(schema)
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class _AnswerSchema(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def openapi_document(api: Api, version: str) -> dict[str, Any]:
    """The document as JSON types. The same arguments give the same document."""
    shared = [answer for _, answer in api.problems.values()]
    answers = [answer for operation in api.operations for answer in operation.answers.values()] + shared
    schemas, components = _schemas_of(answers)
    paths = {operation.path: {"get": _operation(operation, api, schemas, components)} for operation in api.operations}
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": api.title, "version": version, "description": api.description},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {name: _response(answer, schemas) for name, answer in api.problems.values()},
        },
    }


def _schemas_of(answers: Sequence[Answer]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of each body by the text of its type, and the models that they refer to, by name."""
    bodies = {repr(body): body for answer in answers for body in answer.bodies.values() if body is not None}
    schemas, definitions = TypeAdapter.json_schemas(
        [(key, "validation", TypeAdapter(body)) for key, body in bodies.items()],
        ref_template=_REFERENCE,
        schema_generator=_AnswerSchema,
    )
    return {key: schema for (key, _), schema in schemas.items()}, definitions.get("$defs", {})


def _operation(operation: Operation, api: Api, schemas: Mapping[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    responses = {str(status): _response(answer, schemas) for status, answer in operation.answers.items()}
    for status in operation.problems:
        responses[str(status)] = {"$ref": f"#/components/responses/{api.problems[status][0]}"}
    described: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.description:
        described["description"] = operation.description
    parameters = [
        _parameter(name, "path", schema, required=True) for name, schema in operation.path_parameters.items()
    ] + _query_parameters(operation.parameters, components)
    if parameters:
        described["parameters"] = parameters
    return described | {"responses": dict(sorted(responses.items()))}


def _query_parameters(model: type[BaseModel] | None, components: dict[str, Any]) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=_REFERENCE, schema_generator=_ParameterSchema)
    components.update(schema.get("$defs", {}))
    required = schema.get("required", ())
    return [
        _parameter(name, "query", property_, required=name in required) for name, property_ in schema["properties"].items()
    ]


def _parameter(name: str, location: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    rest = {key: value for key, value in schema.items() if key != "description"}
    parameter = {"name": name, "in": location, "description": schema.get("description", ""), "required": required}
    if schema.get("type") == "object":
        # Each property is a parameter of its own.
        parameter |= {"style": "form", "explode": True}
    elif location == "query":
        parameter["allowEmptyValue"] = True
    return parameter | {"schema": rest}


def _response(answer: Answer, schemas: Mapping[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        response["headers"] = dict(answer.headers)
    if answer.bodies:
        response["content"] = {
            media_type: {"schema": {"type": "string"} if body is None else schemas[repr(body)]}
            for media_type, body in answer.bodies.items()
        }
    return response
