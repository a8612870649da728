"""The response to a viewer who is refused because a limit is reached. An EventSource that gets a status other than 200 never
reconnects. So a request for events gets one event and the end of the stream; other requests get the status. This module must
not decide who is refused.

The page's nginx responds in the same way when it cannot reach the service (services/dashboard/nginx)."""

from typing import Final

import orjson
from flask import Response

from logstream_stream.order.event_id import read_event_id
from logstream_stream.viewers.admission import CLIENT, FILTERS, VIEWERS
from logstream_stream.web.problems import problem_response

_RETRY_MS: Final = 3_000
_RETRY_AFTER_S: Final = 5
_EVENTS: Final = "text/event-stream"
_FULL: Final = {
    VIEWERS: (503, "This replica has reached its limit on viewers."),
    FILTERS: (503, "This replica has reached its limit on distinct filters."),
    CLIENT: (429, "This client has too many live connections to this replica. Close some of them."),
}


def full(reason: str, accept: str, last_id: str) -> Response:
    """reason: that of Full. accept, last_id: the request headers Accept and Last-Event-ID."""
    status, detail = _FULL[reason]
    if _EVENTS not in accept:
        return problem_response(status, detail, headers={"Retry-After": str(_RETRY_AFTER_S)})
    # Some clients forget the last id when an event has none.
    identity = b"id: %b\n" % last_id.encode() if read_event_id(last_id) else b""
    data = orjson.dumps({"stream": "full", "reason": reason, "detail": detail})
    body = b"event: status\n%bretry: %d\ndata: %b\n\n" % (identity, _RETRY_MS, data)
    return Response(body, mimetype=_EVENTS, headers={"Cache-Control": "no-cache"})
