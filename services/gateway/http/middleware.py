"""What happens to every request before any route sees it, and to every response before it leaves."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter as Counting
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from fastapi import HTTPException
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.rate_limit import Quota
from libs.refusal import Refusal
from libs.telemetry import span
from services.gateway.adapters.addresses import address_of
from services.gateway.http.problems import problem

_access = logging.getLogger("rostrum.access")

REQUESTS: Final = Counter("rostrum_http_requests_total", "HTTP requests", ["method", "route", "status"])
SECONDS: Final = Histogram(
    "rostrum_http_request_seconds",
    "From the request's head to the response's head",
    ["route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

LONGEST_BODY: Final = 64 * 1024
_LONGER: Final = {
    ("PUT", "/v1/me/picture"): 2 * 1024 * 1024,
    ("POST", "/v1/server/people"): 512 * 1024,
    ("POST", "/v1/server/relations"): 2 * 1024 * 1024,
}
"""Bytes of the bodies that may be longer."""
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
        "require-trusted-types-for 'script'",  # no text ever becomes script or markup
        "trusted-types worker",  # which gives one address alone, see `lib/push.js`
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
_NOT_KEPT: Final = (b"cache-control", b"no-store")
"""What the API answers."""


class RequestMiddleware:
    """Trace, access log, metrics, security headers, and bounds on what a client may send. Wraps the whole app."""

    def __init__(self, app: ASGIApp, *, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """`more` are headers that every response has besides."""
        self._app = app
        self._headers = (*_RAW, *more)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0
        method: str = scope.get("method", "GET")  # what asks for a WebSocket is a GET

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] in _HEADS:
                status = message.get("status", 101)
                _protect(message, self._headers, scope["path"], scope.get("quotas", ()))
                route = _template(scope)
                SECONDS.labels(route).observe(time.perf_counter() - started)
                current.update_name(f"{method} {route}")
                current.set_attribute("http.response.status_code", status)
            await send(message)

        if method == "HEAD":
            # Only GET has ranges (RFC 9110, section 14.2).
            scope["headers"] = [header for header in scope["headers"] if header[0] not in (b"range", b"if-range")]
        headers = Headers(scope=scope)
        parent = {"traceparent": headers["traceparent"]} if "traceparent" in headers else {}
        with span(method, "server", parent=parent) as current:
            try:
                await self._app(
                    scope,
                    _bounded(headers, receive, _LONGER.get((method, scope["path"]), LONGEST_BODY))
                    if scope["type"] == "http"
                    else receive,
                    tell,
                )
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


class OpenRequests:
    """Refuses what one address asks for beside too many other requests. Wraps the app within what lets pages of other
    origins read answers."""

    def __init__(self, app: ASGIApp, per_address: int) -> None:
        """`per_address`: requests of one address at once, live streams included; behind a proxy that is all there is to
        count by."""
        self._app = app
        self._per_address = per_address
        self._asking: Counting[str] = Counting()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        address = address_of(client[0] if client else None)
        if self._asking[address] >= self._per_address:
            scope.setdefault("quotas", []).append(Quota("open-requests", self._per_address, None, 0, None))
            detail = f"Your address has {self._per_address} requests open; wait until one has ended."
            await problem("too_many_requests", detail, instance=scope["path"])(scope, receive, send)
            return
        self._asking[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._asking[address] -= 1
            if not self._asking[address]:
                del self._asking[address]


class CutOff:
    """Answers what is cut off because the gateway stops: it may be asked again, of whichever gateway comes next. Wraps
    the app within what lets pages of other origins read answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answered = False

        async def tell(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, tell)
        except asyncio.CancelledError:
            # The server would say 500.
            if answered:
                raise
            detail = "The server stops, and whether this was done is not known; try again."
            await problem("unavailable", detail, instance=scope["path"])(scope, receive, send)


class KnownParameters:
    """Refuses query parameters that a route does not know, or that come twice: one of them would count for nothing.
    Wraps one route; see `unknown_parameters` for which."""

    def __init__(self, app: ASGIApp, known: Sequence[str]) -> None:
        self._app = app
        self._known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["query_string"] and scope.get("method") != "OPTIONS":
            sent = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            names = [name for name, _ in sent]
            unknown = next((name for name in names if name not in self._known), None)
            if unknown is not None:
                can_be = f"there are {', '.join(self._known)}" if self._known else "it takes none"
                raise Refusal("invalid", f"There is no query parameter {unknown[:100]!r} here; {can_be}.")
            if len(names) != len(set(names)):
                again = next(name for name in names if names.count(name) > 1)
                raise Refusal("invalid", f"Give the query parameter {again!r} once.")
        await self._app(scope, receive, send)


def _template(scope: Scope) -> str:
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


def _protect(message: Message, always: Sequence[tuple[bytes, bytes]], path: str, quotas: Sequence[Quota]) -> None:
    headers = list(message.get("headers", ()))
    there = {name for name, _ in headers}
    headers += [header for header in always if header[0] not in there]
    if path.startswith("/v1/") and _NOT_KEPT[0] not in there:
        headers.append(_NOT_KEPT)
    if quotas:
        headers += [(b"ratelimit-policy", _policies(quotas)), (b"ratelimit", _left(quotas))]
    message["headers"] = headers


def _policies(quotas: Sequence[Quota]) -> bytes:
    """`RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers: how much, in how many seconds. What is open at once
    is counted in no window."""
    return ", ".join(f'"{quota.policy}";q={quota.limit}{_in("w", quota.seconds)}' for quota in quotas).encode()


def _left(quotas: Sequence[Quota]) -> bytes:
    """`RateLimit` of the same draft: what is left, and the seconds until all of it is there again."""
    return ", ".join(f'"{quota.policy}";r={quota.remaining}{_in("t", quota.reset)}' for quota in quotas).encode()


def _in(name: str, seconds: int | None) -> str:
    return "" if seconds is None else f";{name}={seconds}"


def _bounded(headers: Headers, receive: Receive, longest: int) -> Receive:
    """`receive` that raises HTTPException for a body that is too long or never comes."""
    received = 0
    complete = False
    declared = headers.get("content-length", "")
    too_long = declared.isdigit() and int(declared[:20]) > longest

    async def bounded() -> Message:
        nonlocal received, complete
        if complete:
            return await receive()
        if too_long:
            raise HTTPException(413, f"This request is at most {longest} bytes.")
        try:
            async with asyncio.timeout(_BODY_WITHIN):
                message = await receive()
        except TimeoutError:
            raise HTTPException(400, "The request's body did not arrive in time.") from None
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > longest:
                raise HTTPException(413, f"This request is at most {longest} bytes.")
        else:
            complete = True
        return message

    return bounded
