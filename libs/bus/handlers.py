"""Answering commands and queries: a table from request type to function, and the one place that maps errors."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import msgspec
from opentelemetry.trace import Span
from prometheus_client import Counter, Histogram
from pydantic import ValidationError

from contracts.commands import Accepted, Refused, Request
from contracts.envelope import Model, encoded
from libs.bus.errors import Unavailable
from libs.refusal import Refusal
from libs.telemetry import COMMANDS, HANDLE_SECONDS, span, trace_id

_log = logging.getLogger(__name__)

R = TypeVar("R", bound=Model)
Q = TypeVar("Q", bound=Request[Any])


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """An acceptance whose result is JSON already, as the request's result model would write it."""

    version: int
    result: bytes


@dataclass(frozen=True, slots=True)
class Handler:
    """One request type and what answers it."""

    request: type[Request[Any]]
    read: Callable[[bytes], Request[Any]]
    """Makes a request of its JSON; raises pydantic.ValidationError."""
    call: Callable[[Any], Awaitable[Any]]
    span: str
    seconds: Histogram


class Handlers:
    """The commands and queries one service answers.

        handlers = Handlers("people")

        @handlers.on(SignUp)
        async def sign_up(command: SignUp) -> Accepted[Person]: ...

    A function returns the result model, or `Accepted(version=..., result=...)` where there is a version to tell, or
    `Encoded(version, result)` where that is asked thousands of times a second. It raises `Refusal` to say no. Anything
    else it raises is a bug: it is logged with the trace id and answered as `internal`, to be tried again; `Unavailable`
    becomes `unavailable`.
    """

    def __init__(self, service: str, *, check: Callable[[], Awaitable[None]] | None = None) -> None:
        """`check` is awaited before every answer, and raises Refusal where there can be none now."""
        self.service = service
        self._check = check
        self._table: dict[tuple[str, str], Handler] = {}

    def on(self, request: type[Q]) -> Callable[[Callable[[Q], Awaitable[Any]]], Callable[[Q], Awaitable[Any]]]:
        """Decorator form of `add`."""

        def register(call: Callable[[Q], Awaitable[Any]]) -> Callable[[Q], Awaitable[Any]]:
            self.add(request, call)
            return call

        return register

    def add(self, request: type[Q], call: Callable[[Q], Awaitable[Any]]) -> None:
        """Let `call` answer `request`. Raises TypeError for another service's request, or a second answer."""
        if request.service != self.service:
            raise TypeError(f"{request.__name__} is answered by {request.service}, not by {self.service}")
        if (request.kind, request.name) in self._table:
            raise TypeError(f"{request.__name__} has an answer already")
        if not inspect.iscoroutinefunction(inspect.unwrap(call)) and not callable(call):
            raise TypeError(f"{call!r} cannot answer {request.__name__}")
        name = f"{self.service}.{request.name}"
        # What `model_validate_json` comes to, which itself costs nearly as much again.
        read = request.__pydantic_validator__.validate_json
        self._table[request.kind, request.name] = Handler(
            request, read, call, f"{request.kind} {name}", HANDLE_SECONDS.labels(name)
        )

    async def answer(self, kind: str, name: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The reply to one request, as JSON. Never raises but for cancellation."""
        handler = self._table.get((kind, name))
        if handler is None:
            _handled(kind, "unknown", "bad_request").inc()
            detail = f"This version of {self.service} knows no {kind} {name!r}."
            return _refused("bad_request", detail)
        started = time.perf_counter()
        with span(handler.span, "server", parent=headers) as current:
            reply, outcome = await self._call(handler, body, current)
        handler.seconds.observe(time.perf_counter() - started)
        _handled(kind, name, outcome).inc()
        return reply

    async def _call(self, handler: Handler, body: bytes, current: Span) -> tuple[bytes, str]:
        try:
            request = handler.read(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            return _refused("bad_request", f"{where}: {first['msg']}"), "bad_request"
        try:
            if self._check is not None:
                await self._check()
            result = await handler.call(request)
        except Refusal as no:
            current.set_attribute("rostrum.refused", no.reason)
            return _refused(no.reason, no.detail, retry=no.retry, field=no.field), no.reason
        except Unavailable as error:
            _log.warning("%s could not be answered", handler.request.__name__, extra={"why": str(error)})
            return _refused("unavailable", "A part of the system is away for a moment.", retry=True), "unavailable"
        except Exception as error:  # noqa: BLE001  (the border: the caller gets an answer, we get a log line)
            current.record_exception(error)
            _log.exception("%s failed", handler.request.__name__)
            detail = f"Something went wrong on our side (trace {trace_id() or 'unknown'})."
            return _refused("internal", detail, retry=True), "internal"
        if isinstance(result, Encoded):
            return _accepted(result.version, result.result), "accepted"
        if isinstance(result, Accepted):
            return _accepted(result.version, encoded(result.result)), "accepted"
        return _accepted(0, encoded(result)), "accepted"


@cache
def _handled(kind: str, name: str, outcome: str) -> Counter:
    return COMMANDS.labels(kind, name, outcome)


def _accepted(version: int, result: bytes) -> bytes:
    # Written by hand around the result's own JSON: a generic model would serialise the result by its declared base.
    return b'{"outcome":"accepted","version":%d,"result":%s}' % (version, result)


def _refused(reason: str, detail: str, *, retry: bool = False, field: str | None = None) -> bytes:
    return Refused(reason=reason, detail=detail, retry=retry, field=field).model_dump_json().encode()
