"""The routes that describe the API: the OpenAPI document, and a page made from it. The page loads nothing from other hosts
and needs no inline script or style."""

from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Final

import orjson
from flask import Blueprint, Response, abort, render_template

from logstream_query.routes.openapi import openapi_document
from logstream_query.routes.operations import API

_ASSETS: Final = {"page.css": "text/css", "page.js": "text/javascript"}
# The page's proxy sends the same header for every page; this one is for clients that reach the service directly.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


def documentation_routes() -> Blueprint:
    """Each response is made once in a process."""
    routes = Blueprint("documentation", __name__, url_prefix="/api", template_folder="templates")

    @cache
    def document() -> bytes:
        return orjson.dumps(openapi_document(API, version("logstream-query")))

    @cache
    def page() -> str:
        return render_template("docs.html", document=orjson.loads(document()))

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(document(), mimetype="application/json")

    @routes.get("/docs")
    def docs() -> Response:
        return Response(page(), mimetype="text/html", headers={"Content-Security-Policy": _POLICY})

    @routes.get("/docs/<name>")
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            abort(404)
        return Response((files("logstream_query.routes") / "assets" / name).read_bytes(), mimetype=_ASSETS[name])

    return routes
