"""What happens to every request before any route sees it, and to every response before it leaves."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from fastapi import HTTPException
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.telemetry import span

_access = logging.getLogger("rostrum.access")

REQUESTS: Final = Counter("rostrum_http_requests_total", "HTTP requests", ["method", "route", "status"])
SECONDS: Final = Histogram(
    "rostrum_http_request_seconds",
    "From the request's head to the response's head",
    ["route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

LONGEST_BODY: Final = 64 * 1024
_BODY_WITHIN: Final = 10.0
_HEADS: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

CONTENT_SECURITY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # web components carry their styles in <style>
        "img-src 'self' data:",
        "font-src 'self'",
        "media-src 'self' blob: mediastream:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_SECURITY: Final = {
    "content-security-policy": CONTENT_SECURITY,
    "x-content-type-options": "nosniff",
    # An address may carry a token (EventSource has no headers); it is told to nobody.
    "referrer-policy": "no-referrer",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
}


_RAW: Final = tuple((name.encode(), value.encode()) for name, value in _SECURITY.items())
_OF_THE_API: Final = (*_RAW, (b"cache-control", b"no-store"))


class Border:
    """Trace, access log, metrics, security headers, and bounds on what a client may send. Wraps the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0
        method: str = scope.get("method", "GET")  # what asks for a WebSocket is a GET

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] in _HEADS:
                status = message.get("status", 101)
                _protect(message, scope["path"])
                route = _template(scope)
                SECONDS.labels(route).observe(time.perf_counter() - started)
                current.update_name(f"{method} {route}")
                current.set_attribute("http.response.status_code", status)
            await send(message)

        headers = Headers(scope=scope)
        parent = {"traceparent": headers["traceparent"]} if "traceparent" in headers else {}
        with span(method, "server", parent=parent) as current:
            try:
                await self._app(scope, _bounded(headers, receive) if scope["type"] == "http" else receive, tell)
            except Exception:
                # Answered already, and logged, by the app's own handler; the server need not tell it again.
                if status == 0:
                    raise
            finally:
                self._note(scope, method, status, time.perf_counter() - started)

    def _note(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = _template(scope)
        method = method if method in _METHODS else "other"
        REQUESTS.labels(method, route, str(status)).inc()
        client = scope.get("client")
        _access.info(
            "%s %s %d",
            method,
            route,
            status,
            extra={"path": scope["path"][:200], "ms": round(seconds * 1000, 2), "client": client[0] if client else ""},
        )


def _template(scope: Scope) -> str:
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


def _protect(message: Message, path: str) -> None:
    headers = list(message.get("headers", ()))
    there = {name for name, _ in headers}
    headers += [header for header in (_OF_THE_API if path.startswith("/v1/") else _RAW) if header[0] not in there]
    message["headers"] = headers


def _bounded(headers: Headers, receive: Receive) -> Receive:
    """`receive` that raises HTTPException for a body that is too long or never comes."""
    received = 0
    complete = False
    declared = headers.get("content-length", "")
    too_long = declared.isdigit() and int(declared[:20]) > LONGEST_BODY

    async def bounded() -> Message:
        nonlocal received, complete
        if complete:
            return await receive()
        if too_long:
            raise HTTPException(413, f"A request is at most {LONGEST_BODY} bytes.")
        try:
            async with asyncio.timeout(_BODY_WITHIN):
                message = await receive()
        except TimeoutError:
            raise HTTPException(400, "The request's body did not arrive in time.") from None
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > LONGEST_BODY:
                raise HTTPException(413, f"A request is at most {LONGEST_BODY} bytes.")
        else:
            complete = True
        return message

    return bounded
