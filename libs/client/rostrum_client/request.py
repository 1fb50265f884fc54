"""One request, and how it is made: sent again where nobody answered, refused as a `Problem`."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from rostrum_client.errors import Fault, Problem, RostrumError, Unreachable

if TYPE_CHECKING:
    from rostrum_client.streams import AsyncEventStream, EventStream

T = TypeVar("T")
Token = str | Callable[[], str] | None
AsyncToken = str | Callable[[], str | Awaitable[str]] | None

WAITS: Final = (0.3, 1.0, 2.5)
"""Seconds before a request is sent again."""
LONGEST_WAIT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked or ordered."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: BaseModel | None = None
    content: bytes | str | None = None
    media_type: str | None = None
    key: str | None = None
    """Its `Idempotency-Key`. One is made where none is given, so that what is sent again happens once."""

    @property
    def params(self) -> dict[str, str]:
        """Its query parameters, but for those that are not given."""
        return {name: _text(value) for name, value in self.query.items() if value is not None}

    def keyed(self) -> dict[str, str]:
        """Headers of its own, the same for every time that it is sent."""
        headers = {"accept": "application/json, application/problem+json, */*;q=0.1"}
        if self.method != "GET":
            headers["idempotency-key"] = self.key or uuid4().hex
        if self.body is not None:
            headers["content-type"] = "application/json"
        elif self.media_type is not None:
            headers["content-type"] = self.media_type
        return headers

    @property
    def payload(self) -> bytes | str | None:
        """What is sent: of a body what was set, so that the server fills in the rest."""
        return self.content if self.body is None else self.body.model_dump_json(exclude_unset=True, by_alias=True)


def quoted(part: str) -> str:
    """A part of an address."""
    return quote(part, safe="")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def problem_of(response: httpx.Response) -> Problem:
    """What a refusal says; its body has been read."""
    try:
        said = json.loads(response.content)
        faults = TypeAdapter(tuple[Fault, ...]).validate_python(said.get("faults") or ())
        reason, detail = str(said["reason"]), str(said["detail"])
    except (ValueError, KeyError, AttributeError, ValidationError):
        reason, detail, faults = "unknown", f"The server answered {response.status_code}.", ()
    after = response.headers.get("retry-after", "")
    return Problem(response.status_code, reason, detail, faults, float(after) if after.isdigit() else None)


def wait_after(error: RostrumError, attempt: int) -> float | None:
    """Seconds before the next attempt; None where there is none."""
    if attempt >= len(WAITS) or not error.is_passing:
        return None
    asked = error.retry_after if isinstance(error, Problem) else None
    return min(LONGEST_WAIT, asked if asked is not None else WAITS[attempt] * random.uniform(0.75, 1.25))


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read(response: httpx.Response, answer: type[T]) -> T:
    """The answer. Raises RostrumError for one that is none."""
    try:
        found: T = _adapter(cast(Any, answer)).validate_json(response.content)
    except ValidationError as error:
        raise RostrumError(f"the answer is not what was expected: {error}") from error
    return found


class Calls:
    """Makes requests over one connection pool."""

    def __init__(self, http: httpx.Client, token: Token) -> None:
        self.http = http
        self._token = token

    def headers(self) -> dict[str, str]:
        """Who asks, as of now: a token may be another one each time."""
        token = self._token() if callable(self._token) else self._token
        return {} if token is None else {"authorization": f"Bearer {token}"}

    def answer(self, request: Request, answer: type[T]) -> T:
        """What comes back. Raises Problem, Unreachable."""
        return read(self._send(request), answer)

    def content(self, request: Request) -> bytes:
        """A file. Raises Problem, Unreachable."""
        return self._send(request).content

    def nothing(self, request: Request) -> None:
        """For what is answered with nothing of interest. Raises Problem, Unreachable."""
        self._send(request)

    def follow(self, request: Request, last_event_id: str | None) -> EventStream:
        """Live events."""
        from rostrum_client.streams import EventStream

        return EventStream(self, request, last_event_id)

    def _send(self, request: Request) -> httpx.Response:
        own = request.keyed()
        attempt = 0
        while True:
            try:
                return self._once(request, own)
            except RostrumError as error:
                wait = wait_after(error, attempt)
                if wait is None:
                    raise
                time.sleep(wait)
                attempt += 1

    def _once(self, request: Request, own: dict[str, str]) -> httpx.Response:
        headers = own | self.headers()
        try:
            response = self.http.request(
                request.method, request.path, params=request.params, content=request.payload, headers=headers
            )
        except httpx.TransportError as error:
            raise Unreachable(f"{request.method} {request.path}: {error!r}") from error
        if not response.is_success:
            raise problem_of(response)
        return response


class AsyncCalls:
    """The same as coroutines."""

    def __init__(self, http: httpx.AsyncClient, token: AsyncToken) -> None:
        self.http = http
        self._token = token

    async def headers(self) -> dict[str, str]:
        """Who asks, as of now: a token may be another one each time."""
        token = self._token() if callable(self._token) else self._token
        if isinstance(token, Awaitable):
            token = await token
        return {} if token is None else {"authorization": f"Bearer {token}"}

    async def answer(self, request: Request, answer: type[T]) -> T:
        """What comes back. Raises Problem, Unreachable."""
        return read(await self._send(request), answer)

    async def content(self, request: Request) -> bytes:
        """A file. Raises Problem, Unreachable."""
        return (await self._send(request)).content

    async def nothing(self, request: Request) -> None:
        """For what is answered with nothing of interest. Raises Problem, Unreachable."""
        await self._send(request)

    def follow(self, request: Request, last_event_id: str | None) -> AsyncEventStream:
        """Live events."""
        from rostrum_client.streams import AsyncEventStream

        return AsyncEventStream(self, request, last_event_id)

    async def _send(self, request: Request) -> httpx.Response:
        own = request.keyed()
        attempt = 0
        while True:
            try:
                return await self._once(request, own)
            except RostrumError as error:
                wait = wait_after(error, attempt)
                if wait is None:
                    raise
                await asyncio.sleep(wait)
                attempt += 1

    async def _once(self, request: Request, own: dict[str, str]) -> httpx.Response:
        headers = own | await self.headers()
        try:
            response = await self.http.request(
                request.method, request.path, params=request.params, content=request.payload, headers=headers
            )
        except httpx.TransportError as error:
            raise Unreachable(f"{request.method} {request.path}: {error!r}") from error
        if not response.is_success:
            raise problem_of(response)
        return response
