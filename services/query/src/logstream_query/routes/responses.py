"""Flask responses: JSON that is safe to show in a terminal, and bodies that count as held until the client has read them."""

from typing import Any

import orjson
from flask import Response
from logstream_contract.rows.invisible import escape_invisible

from logstream_query.search.answer_limiter import AnswerLimiter


def to_json(body: Any, option: int = 0) -> bytes:
    """Every character that a terminal would act on is escaped."""
    return escape_invisible(orjson.dumps(body, option=option))


def json_response(answer_limiter: AnswerLimiter, body: Any) -> Response:
    """Raises TooManyAnswers."""
    encoded = to_json(body)
    release = answer_limiter.hold(len(encoded))
    response = Response(encoded, mimetype="application/json")
    response.call_on_close(release)
    return response
