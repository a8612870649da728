"""What a viewer who doesn't fit is told. An EventSource that is answered anything but 200 never comes back, so who asks for
events gets one, and an end; others get the status. It must not decide who fits.

The page's nginx says the same for a service that it does not reach (services/dashboard/nginx)."""

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
    VIEWERS: (503, "No more viewers fit on this replica."),
    FILTERS: (503, "No more viewers with filters of their own fit on this replica."),
    CLIENT: (429, "This client has as many viewers on this replica as one client may have. Close some of them."),
}


def full(reason: str, accept: str, last_id: str) -> Response:
    """reason: that of a Full. accept, last_id: what the viewer says of itself, in Accept and Last-Event-ID."""
    status, detail = _FULL[reason]
    if _EVENTS not in accept:
        return problem_response(status, detail, headers={"Retry-After": str(_RETRY_AFTER_S)})
    # Some clients forget the last id with an event that has none.
    identity = b"id: %b\n" % last_id.encode() if read_event_id(last_id) else b""
    data = orjson.dumps({"stream": "full", "reason": reason, "detail": detail})
    body = b"event: status\n%bretry: %d\ndata: %b\n\n" % (identity, _RETRY_MS, data)
    return Response(body, mimetype=_EVENTS, headers={"Cache-Control": "no-cache"})
