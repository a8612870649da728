"""Errors as HTTP tells them: application/problem+json (RFC 9457). It decides no status by itself."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, NotRequired, TypedDict

import orjson
from flask import Response

MEDIA_TYPE: Final = "application/problem+json"
_SHOWN_CHARACTERS: Final = 200


class ParameterProblem(TypedDict):
    """What is wrong with one parameter."""

    name: str
    value: str
    expected: str


class Problem(TypedDict):
    """The body of an error answer."""

    type: str
    title: str
    status: int
    detail: str
    problems: NotRequired[Sequence[ParameterProblem]]


def parameter_problem(name: str, value: str, expected: str) -> ParameterProblem:
    """Name and value are cut to a length that is fit to be shown."""
    return {"name": name[:_SHOWN_CHARACTERS], "value": value[:_SHOWN_CHARACTERS], "expected": expected}


def problem_response(
    status: int,
    detail: str,
    *,
    title: str = "",
    problems: Sequence[ParameterProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    body: Problem = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if problems:
        body["problems"] = problems
    return Response(orjson.dumps(body), status=status, mimetype=MEDIA_TYPE, headers=headers)
