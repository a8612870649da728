"""Error responses: application/problem+json (RFC 9457). It must not choose the status."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, NotRequired, TypedDict

import orjson
from flask import Response
from logstream_contract.filters.query_string import ParameterProblem

MEDIA_TYPE: Final = "application/problem+json"


class Problem(TypedDict):
    """The body of an error response."""

    type: str
    title: str
    status: int
    detail: str
    problems: NotRequired[Sequence[ParameterProblem]]


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
