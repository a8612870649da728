"""Rejects requests that a browser makes for a page of another site. It must know nothing about the routes behind it.

A foreign page can reach us in two ways. Its name can be made to resolve to our address (DNS rebinding): the browser then
takes us for that page's own server, and only the header Host reveals it. Or the page makes a cross-origin request: then
Sec-Fetch-Site and Origin reveal it. Clients that are no browsers send neither, and pass.

Sources: RFC 9110, 7.4 (421); W3C "Fetch Metadata Request Headers"; WHATWG Fetch, "CORS protocol".
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST: Final = "host"
ORIGIN: Final = "origin"
REFUSED: Final = (HOST, ORIGIN)
# Health checks and scrapers may use any name. These routes return no records.
OPERATORS: Final = frozenset({"/livez", "/readyz", "/metrics"})

_NONE: Final = "none"
_EVERY: Final = "*"
_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_AUTHORITY: Final = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_.-]+))(?::(?P<port>[0-9]{0,5}))?")
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<authority>.+)")
_DEFAULT_PORT: Final = {"http": "80", "https": "443"}
# Sec-Fetch-Dest of pages embedded in other pages; a link or the address bar sends `document`.
_EMBEDDED: Final = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
_PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "GET, HEAD"),
    ("Access-Control-Allow-Headers", "Cache-Control, Last-Event-ID"),
    ("Access-Control-Max-Age", "600"),
)
_DETAIL: Final = {
    HOST: "This host name is not allowed. The operator of logstream can add it to LOGSTREAM_ALLOWED_HOSTS.",
    ORIGIN: "Pages of other origins may not make this request. The operator of logstream can add an origin to "
    "LOGSTREAM_ALLOWED_ORIGINS.",
}
_STATUS: Final = {HOST: HTTPStatus.MISDIRECTED_REQUEST, ORIGIN: HTTPStatus.FORBIDDEN}


@dataclass(frozen=True)
class Hosts:
    """Allowed host names, besides localhost and all IP addresses: DNS cannot point those at a foreign page.

    names: lower case. parents: of `*.example.com` the part after `*.`; names at any depth below it are allowed.
    """

    names: frozenset[str] = frozenset()
    parents: frozenset[str] = frozenset()
    every: bool = False

    def allow(self, host: str) -> bool:
        """host: the header, with or without a port."""
        if self.every:
            return True
        match = _AUTHORITY.fullmatch(host.lower())
        if match is None:
            return False
        name = match["v6"] or match["name"].removesuffix(".")
        if name == "localhost" or name in self.names or _is_address(name):
            return True
        labels = name.split(".")
        return any(".".join(labels[start:]) in self.parents for start in range(1, len(labels)))

    def __str__(self) -> str:
        return (
            ",".join([*sorted(self.names), *(f"*.{name}" for name in sorted(self.parents)), *["*"][: self.every]]) or _NONE
        )


@dataclass(frozen=True)
class Origins:
    """Origins whose pages may make requests and read the responses: `https://host[:port]` in lower case, or `null`."""

    names: frozenset[str] = frozenset()
    every: bool = False

    def allow(self, origin: str) -> bool:
        return self.every or origin.lower() in self.names

    def __str__(self) -> str:
        return ",".join([*sorted(self.names), *["*"][: self.every]]) or _NONE


def read_hosts(text: Any) -> Hosts:
    """Reads names separated by commas, or `none`. Raises ValueError."""
    if isinstance(text, Hosts):
        return text
    parts = _parts(text)
    for part in parts:
        if part != _EVERY and not _NAME.fullmatch(part.removeprefix("*.")):
            raise ValueError(
                f"{part!r}: expected host names without ports, such as logs.example.com,*.example.org, or {_NONE}"
            )
    parents = frozenset(part.removeprefix("*.") for part in parts if part.startswith("*."))
    names = frozenset(part for part in parts if not part.startswith("*"))
    return Hosts(names, parents, every=_EVERY in parts)


def read_origins(text: Any) -> Origins:
    """Reads origins separated by commas, or `none`. Raises ValueError."""
    if isinstance(text, Origins):
        return text
    parts = _parts(text)
    for part in parts:
        match = _ORIGIN.fullmatch(part)
        if part not in (_EVERY, "null") and not (match and _AUTHORITY.fullmatch(match["authority"])):
            raise ValueError(
                f"{part!r}: expected origins such as https://shop.example.com,http://localhost:8080, or {_NONE}"
            )
    return Origins(frozenset(part for part in parts if part != _EVERY), every=_EVERY in parts)


AllowedHosts = Annotated[Hosts, BeforeValidator(read_hosts)]
AllowedOrigins = Annotated[Origins, BeforeValidator(read_origins)]
# One wording for every service that has these settings.
HOSTS_DOC: Final = (
    "Host names that browsers may use, separated by commas. `*.example.com` stands for all names below it, `*` for any name,"
    " which allows foreign pages by DNS rebinding. `localhost` and IP addresses are always allowed. Other names get 421."
)
ORIGINS_DOC: Final = (
    "Origins whose pages may make requests and read the responses, separated by commas, such as https://shop.example.com;"
    " `*`: any origin. Other origins get 403."
)


def refusal(headers: Mapping[str, Any], hosts: Hosts, origins: Origins) -> str | None:
    """Why a request is rejected, as one of REFUSED, or None. headers: as a WSGI environment names them, with its method.

    A request without Host comes from no browser.
    """
    host = headers.get("HTTP_HOST", "")
    if host and not hosts.allow(host):
        return HOST
    origin = headers.get("HTTP_ORIGIN", "")
    if origin and origins.allow(origin):
        return None
    site = headers.get("HTTP_SEC_FETCH_SITE", "")
    if site in ("same-origin", "none"):
        return None
    if site in ("cross-site", "same-site"):
        return None if _is_navigation(headers) else ORIGIN
    # Browsers say no more than this to addresses without TLS that are not their own machine.
    return ORIGIN if origin and not _is_own(origin, host) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A WSGI application before another.

    on_refusal: called with the reason of each rejected request.
    """

    application: "WSGIApplication"
    hosts: Hosts
    origins: Origins
    on_refusal: Callable[[str], object] = field(default=lambda _: None)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] in OPERATORS:
            return self.application(environ, start_response)
        reason = refusal(environ, self.hosts, self.origins)
        added = self._headers(environ.get("HTTP_ORIGIN", ""))
        if reason is not None:
            self.on_refusal(reason)
            return _refuse(reason, environ["REQUEST_METHOD"], added, start_response)
        asks_first = environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        if asks_first and self.origins.allow(environ.get("HTTP_ORIGIN", "")):
            start_response("204 No Content", [*added, *_PREFLIGHT])
            return []

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, [*headers, *added], *error)

        return self.application(environ, start)

    def _headers(self, origin: str) -> list[tuple[str, str]]:
        headers = [("Cross-Origin-Resource-Policy", "same-origin")]
        if self.origins != Origins():
            headers.append(("Vary", "Origin"))
            if origin and self.origins.allow(origin):
                headers.append(("Access-Control-Allow-Origin", origin))
        return headers


def _refuse(reason: str, method: str, added: list[tuple[str, str]], start_response: "StartResponse") -> Iterable[bytes]:
    status = _STATUS[reason]
    problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": _DETAIL[reason]}
    body = json.dumps(problem).encode()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    start_response(f"{status.value} {status.phrase}", [*headers, *added])
    return [] if method == "HEAD" else [body]


def _is_navigation(headers: Mapping[str, Any]) -> bool:
    """Whether a link or a bookmark is followed, to be shown for itself."""
    return (
        headers.get("REQUEST_METHOD") in ("GET", "HEAD")
        and headers.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and headers.get("HTTP_SEC_FETCH_DEST", "") not in _EMBEDDED
    )


def _is_own(origin: str, host: str) -> bool:
    """Whether they name the same host and port. The scheme is not looked at: a proxy before us may end TLS."""
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        return False
    port = _DEFAULT_PORT[match["scheme"]]
    own = _with_port(host.lower(), port)
    return own is not None and _with_port(match["authority"], port) == own


def _with_port(authority: str, default: str) -> tuple[str, str] | None:
    match = _AUTHORITY.fullmatch(authority)
    return None if match is None else (match["v6"] or match["name"], match["port"] or default)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _parts(text: Any) -> list[str]:
    parts = [part.strip().lower() for part in str(text).split(",")]
    return [part for part in parts if part and part != _NONE]
