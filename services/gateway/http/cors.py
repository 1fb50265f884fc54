"""Pages of other origins: what the browser lets them ask and read (CORS, in the Fetch standard).

They prove who asks with a bearer token. Cookies are read only while somebody signs in, for this site's own page, so
credentials are never allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READ: Final = (
    "Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match",
    "If-Range", "If-Unmodified-Since", "Last-Event-ID", "Range", "traceparent", "tracestate",
)  # fmt: skip
"""Headers of requests that this gateway reads."""
SENT: Final = (
    "Accept-Patch", "Accept-Post", "Accept-Ranges", "Allow", "Content-Length", "Content-Range", "Date", "ETag",
    "Last-Modified", "Link", "Location", "Retry-After", "WWW-Authenticate", "x-rate-limit-limit",
    "x-rate-limit-remaining", "x-rate-limit-reset", "RateLimit", "RateLimit-Policy",
)  # fmt: skip
"""Headers of answers that mean something to a program."""
_KEEP_PREFLIGHT: Final = 600
"""Seconds that a browser may remember what is allowed."""
ANY: Final = "*"


class Origins:
    """The origins whose pages may use the API; `*` among them allows every one."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._listed = frozenset(as_sent(origin) for origin in origins)

    def __bool__(self) -> bool:
        return bool(self._listed)

    def __contains__(self, origin: object) -> bool:
        return isinstance(origin, str) and (origin in self._listed or ANY in self._listed)

    def readable(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        """The headers of an answer that let a page of this origin read it, where it may; none without a list."""
        if not self:
            return []
        # Also where no page asked: a cache must not give a page what was kept for somebody else.
        vary = (b"vary", b"Origin")
        if origin is None or origin not in self:
            return [vary]
        return [
            vary,
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", ", ".join(SENT).encode()),
        ]


def as_sent(origin: str) -> str:
    """An origin as browsers send it: in lower case, without a path and without the port that its scheme has anyway."""
    origin = origin.strip().rstrip("/").lower()
    port = ":443" if origin.startswith("https:") else ":80"
    return origin.removesuffix(port)


class Cors:
    """Answers preflights and adds to every answer what pages of these origins may read of it.

    It stands around the whole app: a page reads errors too, the unforeseen ones included.
    """

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [
                    one for one in message.get("headers", ()) if not one[0].lower().startswith(b"access-control-")
                ]
                message["headers"] = others + self._origins.readable(origin)
            await send(message)

        asks = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if origin is not None and asks and origin in self._origins:
            await self._preflight(origin, headers, send)
        else:
            await self._app(scope, receive, tell)

    async def _preflight(self, origin: str, headers: Headers, send: Send) -> None:
        told = [
            (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", ", ".join(METHODS).encode()),
            (b"access-control-allow-headers", ", ".join(READ).encode()),
            (b"access-control-max-age", str(_KEEP_PREFLIGHT).encode()),
        ]
        if headers.get("access-control-request-private-network") == "true":
            told.append((b"access-control-allow-private-network", b"true"))
        await send({"type": "http.response.start", "status": 204, "headers": told})
        await send({"type": "http.response.body", "body": b""})
