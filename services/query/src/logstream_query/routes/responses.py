"""Answers as Flask sends them: JSON that is safe to look at, and bodies that count until their clients have them."""

from typing import Any

import orjson
from flask import Response
from logstream_contract.rows.invisible import escape_invisible

from logstream_query.search.answer_limiter import AnswerLimiter


def to_json(body: Any, option: int = 0) -> bytes:
    """No character that terminals act on is left unescaped."""
    return escape_invisible(orjson.dumps(body, option=option))


def json_response(answer_limiter: AnswerLimiter, body: Any) -> Response:
    """Raises TooManyAnswers."""
    encoded = to_json(body)
    release = answer_limiter.hold(len(encoded))
    response = Response(encoded, mimetype="application/json")
    response.call_on_close(release)
    return response
