"""Where plain HTTP leads to: the same address with https."""

from __future__ import annotations

from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

HSTS: Final = "max-age=31536000"
"""`Strict-Transport-Security` (RFC 6797): browsers come by https for a year. Of other hosts below this one it says
nothing, since they may not be Rostrum's."""


def to_https(public_url: str) -> ASGIApp:
    """An app that sends browsers to an https origin. Anything but reading is refused: it was sent readably already, and
    whoever sent it should notice."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _answer(scope, public_url)(scope, receive, send)

    return app


def _answer(scope: Scope, public_url: str) -> Response:
    path: bytes = scope.get("raw_path", b"")
    if scope["method"] not in ("GET", "HEAD") or not path.startswith(b"/"):
        return PlainTextResponse(f"Use {public_url}\n", 403)
    query: bytes = scope["query_string"]
    address = public_url.encode() + path + (b"?" + query if query else b"")
    return Response(status_code=301, headers={"location": address.decode("latin-1")})
