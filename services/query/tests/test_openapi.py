"""The OpenAPI document: valid, complete, and true to the models that it is made from."""

import json
import re
from typing import Annotated, Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from logstream_contract.filters.parameters import Parameters, names_of
from logstream_query.app import create_app
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.parameters import MAX_LIMIT
from logstream_query.routes.openapi import Answer, Api, Operation, openapi_document
from logstream_query.routes.operations import API, OPERATIONS
from logstream_query.store import Store
from logstream_query.unavailable import Unavailable
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field, WithJsonSchema

# The files of the page, no part of the API.
ASSET_ROUTE = "/api/docs/{name}"
# Of routes that search; of a client that has left, so that nobody sees it.
NOT_EVERYWHERE = {"429", "499"}
DESCRIBED = re.compile(r"/api/|/historical-logs$")


@pytest.fixture
def app() -> Flask:
    registry = CollectorRegistry()
    return create_app(cast(Store, None), Metrics(registry), lambda: registry, Config(database_url="postgresql://"))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_document_is_openapi_3_1() -> None:
    document = openapi_document(API, "1.2.3")
    validate(document, cls=OpenAPIV31SpecValidator)
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"] == "1.2.3"


def test_the_document_is_the_same_every_time() -> None:
    assert json.dumps(openapi_document(API, "1")) == json.dumps(openapi_document(API, "1"))


def test_every_route_is_in_the_document_and_nothing_else(app: Flask) -> None:
    """Whoever adds a route adds its entry to `operations`."""
    rules = (re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules())
    routes = {path for path in rules if DESCRIBED.match(path)} - {ASSET_ROUTE}
    assert set(openapi_document(API, "1")["paths"]) == routes


def test_the_parameters_are_those_that_the_models_read() -> None:
    paths = openapi_document(API, "1")["paths"]
    for operation in OPERATIONS:
        described = paths[operation.path]["get"].get("parameters", [])
        named = [one["name"] for one in described if one["in"] == "query"]
        assert named == (names_of(operation.parameters) if operation.parameters else [])
        assert all(one["description"] for one in described), operation.path
        in_path = [one["name"] for one in described if one["in"] == "path"]
        assert in_path == re.findall(r"{(\w+)}", operation.path)


def test_limits_and_defaults_are_told() -> None:
    parameters = openapi_document(API, "1")["paths"]["/api/logs"]["get"]["parameters"]
    schemas = {one["name"]: one["schema"] for one in parameters}
    assert schemas["limit"] == {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 100}
    assert schemas["order"] == {"type": "string", "enum": ["desc", "asc"]}, "null is no value of a query string"
    assert "default" not in schemas["q"]


def test_every_way_the_database_fails_is_told() -> None:
    statuses = {str(kind.status) for kind in Unavailable.__subclasses__()} - NOT_EVERYWHERE
    assert statuses
    for operation in OPERATIONS:
        if operation.parameters:
            responses = openapi_document(API, "1")["paths"][operation.path]["get"]["responses"]
            assert {"200", "400", "414", "500", *statuses} - set(responses) == set(), operation.path


class Inner(BaseModel):
    value: int


class Body(BaseModel):
    inner: list[Inner]


class ChosenNames(Parameters):
    chosen: Annotated[
        tuple[str, ...],
        WithJsonSchema(
            {"type": "object", "patternProperties": {"^x\\.": {"type": "string"}}, "additionalProperties": False}
        ),
    ] = Field((), description="Any x.NAME.")
    needed: int = Field(description="Must be given.")


def described(operation: Operation) -> dict[str, Any]:
    problem = Answer("Bad.", {"application/problem+json": Body})
    document = openapi_document(
        Api(title="t", description="d", problems={400: ("Bad", problem)}, operations=[operation]), "1"
    )
    validate(document, cls=OpenAPIV31SpecValidator)
    return document


def test_an_object_stands_for_parameters_of_any_name() -> None:
    operation = Operation(
        path="/a",
        name="a",
        summary="A",
        answers={200: Answer("Ok.", {"application/json": Body})},
        problems=(400,),
        parameters=ChosenNames,
    )
    chosen, needed = described(operation)["paths"]["/a"]["get"]["parameters"]
    assert (chosen["style"], chosen["explode"], chosen["required"]) == ("form", True, False)
    assert chosen["schema"]["patternProperties"]
    assert chosen["description"] == "Any x.NAME."
    assert needed["required"]


def test_models_within_models_and_several_media_types() -> None:
    operation = Operation(
        path="/a/{b}",
        name="a",
        summary="A",
        answers={
            200: Answer(
                "Ok.", {"application/json": list[Body], "text/csv": None}, {"X-Rows": {"schema": {"type": "integer"}}}
            )
        },
        problems=(400,),
        path_parameters={"b": {"type": "string", "description": "Which."}},
    )
    document = described(operation)
    get = document["paths"]["/a/{b}"]["get"]
    assert get["parameters"] == [
        {"name": "b", "in": "path", "description": "Which.", "required": True, "schema": {"type": "string"}}
    ]
    assert get["responses"]["200"] == {
        "description": "Ok.",
        "headers": {"X-Rows": {"schema": {"type": "integer"}}},
        "content": {
            "application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Body"}}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
    assert get["responses"]["400"] == {"$ref": "#/components/responses/Bad"}
    assert set(document["components"]["schemas"]) == {"Body", "Inner"}


def test_the_document_is_served(client: FlaskClient) -> None:
    answer = client.get("/api/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    body = answer.get_json()
    assert body == openapi_document(API, body["info"]["version"])
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", body["info"]["version"])


def test_the_page_shows_every_route_parameter_and_model(client: FlaskClient) -> None:
    answer = client.get("/api/docs")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    document = openapi_document(API, "1")
    for operation in OPERATIONS:
        assert f"GET {operation.path}<" in answer.text
        for name in names_of(operation.parameters) if operation.parameters else ():
            assert f'name="{name}"' in answer.text
    for name in document["components"]["schemas"]:
        assert f'id="model-{name}"' in answer.text
    for anchor in re.findall(r'href="#([^"]+)"', answer.text):
        assert f'id="{anchor}"' in answer.text


def test_the_page_needs_no_other_host_and_nothing_inline(client: FlaskClient) -> None:
    answer = client.get("/api/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.search(r"""(?:src|href)=["'](?!/|#)""", answer.text) is None
    assert re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)", answer.text) is None


@pytest.mark.parametrize(("name", "kind"), [("page.css", "text/css"), ("page.js", "text/javascript")])
def test_the_files_of_the_page(client: FlaskClient, name: str, kind: str) -> None:
    answer = client.get(f"/api/docs/{name}")
    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert "http" not in answer.text, "they ask nothing of other hosts"
    assert answer.data


@pytest.mark.parametrize("name", ["nothing.js", "__init__.py", "%2e%2e%2f__init__.py"])
def test_no_other_file_is_given(client: FlaskClient, name: str) -> None:
    assert client.get(f"/api/docs/{name}").status_code == 404
