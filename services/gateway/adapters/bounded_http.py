"""HTTP/1.1 with bounds: what a connection may cost before any route sees a request.

uvicorn's protocol keeps every header that comes, for as long as they come, and waits without end for the rest. Here a
head, a body and a silence have their limits, and so have the connections of one address. What breaks one is answered
with a problem document, and the connection is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from services.gateway.adapters.bounded_socket import BoundedWebSocket
from services.gateway.adapters.connection_bounds import POLITE, Bounds, HttpConnections, refusal

_SLICE: Final = 16 * 1024
"""Bytes given to the parser at once, so that a head that is too long is noticed before much of it was taken apart."""
_FRAMING: Final = 8
"""Bytes beside each byte of a body: a chunk of one byte has five."""
_COUNTED_BODY: Final = 64 * 1024
_AHEAD: Final = 8
"""Requests of a connection that may wait for the answer to an earlier one. A good client sends its next request when it
has read an answer to its end, which the app may only be about to say."""

_ONCE: Final = (b"host", b"authorization", b"idempotency-key", b"content-type", b"last-event-id")
"""Fields of which a proxy may go by one and we by another."""


class _Broken(Exception):
    """A bound is broken; the parser stops."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP protocol within `bounds`. Made by `bounded`."""

    bounds: Bounds
    open_connections: HttpConnections
    transport: asyncio.Transport

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._raw = 0
        """Bytes of this message so far, and how many of them were its body."""
        self._body = 0
        self._fields = 0
        self._in_head = True
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._excess = False
        self._answer: tuple[int, str, str] | None = None
        self._gone = False
        self._answering: RequestResponseCycle | None = None
        """What the app answers, or answered last; `cycle` is the newest, which may still wait behind it."""
        self._unread: asyncio.TimerHandle | None = None

    # -- the connection ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        above = self.open_connections.enter(transport, self.client[0] if self.client else None)
        if above > POLITE or len(self.open_connections) >= self.bounds.most * 0.98:
            self.transport.abort()
            return
        self._excess = above > 0
        self._in(self.bounds.idle_seconds, self._idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._stop_timer()
        if self._unread is not None:
            self._unread.cancel()
        self.open_connections.leave(self.transport)
        # uvicorn tells the newest one only. A live stream with another request behind it would go on for ever.
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._gone = True
        self._stop_timer()
        super().handle_websocket_upgrade()

    # -- what comes --------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _SLICE):
            if self._gone or self.transport.is_closing():
                return
            part = data[start : start + _SLICE]
            self._raw += len(part)
            if self._in_head and not self._began:
                self._head_begins()
            if self._raw - self._body > self.bounds.head_bytes + _FRAMING * min(self._body, _COUNTED_BODY) + _SLICE:
                self._refuse(431, "headers_too_large", self._too_large)
                return
            super().data_received(part)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._body = self._fields = 0
        if not self._began:
            self._head_begins()

    def on_header(self, name: bytes, value: bytes) -> None:
        # Fields of trailers come here too.
        self._fields += 1
        excess = self._fields > self.bounds.fields
        if excess and not self._in_head:
            self._too_many_fields()
        # Nothing reads trailers. Of what is too much in a head, only its origin is needed, for the answer.
        if self._in_head and (not excess or name.lower() == b"origin"):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._fields > self.bounds.fields:
            self._too_many_fields()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.bounds.head_bytes:
            self._break(431, "headers_too_large", self._too_large)
        names = [name for name, _ in self.headers]
        if b"host" not in names and self.parser.get_http_version() == "1.1":
            self._break(400, "bad_request", "A request names its host (RFC 9112, section 3.2).")
        if len(names) != len(set(names)):
            for name in _ONCE:
                if names.count(name) > 1:
                    self._break(400, "bad_request", f"A request has the field {name.decode()} once.")
        if self._excess:
            most = self.bounds.per_address
            self._break(429, "too_many_requests", f"Your address has more than {most} connections; close some.")
        if self.open_connections.crowded and not self.bounds.signed_in(self.headers, self.url.partition(b"?")[2]):
            self._break(503, "unavailable", "Too many people are here; sign in, or try again in a while.")
        waits = self._answering is not None and not self._answering.response_complete
        if waits and (len(self.pipeline) >= _AHEAD or (self.parser.should_upgrade() and self._should_upgrade())):
            self._break(429, "too_many_requests", f"At most {_AHEAD} requests may be ahead of their answers.")
        self._in_head = False
        self._raw = 0
        self._began = self.loop.time()
        super().on_headers_complete()
        if waits:
            self.flow.resume_reading()  # uvicorn stops, and would not notice that the client hangs up
        self._in(self.bounds.body_stalls, self._slow_body)

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)
        if self.pipeline and len(self.cycle.body) > _COUNTED_BODY:
            self._break(429, "too_many_requests", "A body this long has to wait for the answers before it.")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        self._stop_timer()
        self._in_head, self._began, self._raw, self._body = True, 0.0, 0, 0
        super().on_message_complete()

    # -- a client that does not read ---------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_for_end()

    def _look_for_end(self) -> None:
        """Once the connection is to be closed, cut off whoever does not read what is left: it would stay for ever. A
        player may stand still in the middle of a file for as long as it likes."""
        if self.transport.is_closing():
            self.transport.abort()
        elif not self._gone and self.flow.write_paused:
            self._unread = self.loop.call_later(self.bounds.idle_seconds, self._look_for_end)

    # -- time --------------------------------------------------------------------------------------------------

    def _head_begins(self) -> None:
        self._began = self.loop.time()
        self._in(self.bounds.head_seconds, self._slow_head)

    def _idle(self) -> None:
        self.transport.close()

    def _slow_head(self) -> None:
        self._refuse(408, "request_timeout", f"Send a request's head within {self.bounds.head_seconds:g} seconds.")

    def _slow_body(self) -> None:
        allowed = self.bounds.body_stalls + self._body / self.bounds.body_rate
        left = self._began + allowed - self.loop.time()
        if left > 0 or self.flow.read_paused:
            self._in(max(left, 1.0), self._slow_body)
        else:
            self._refuse(408, "request_timeout", f"Send a body at {self.bounds.body_rate} bytes a second or faster.")

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, act)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- saying no ---------------------------------------------------------------------------------------------

    def _readable(self) -> bytes:
        """What lets a page of another origin read the answer, as far as its request has come."""
        fields = self.headers or ()  # None before the first request, whatever uvicorn declares
        origin = next((value for name, value in fields if name == b"origin"), None)
        told = self.bounds.readable(None if origin is None else origin.decode("latin-1"))
        return b"".join(b"%s: %s\r\n" % header for header in told)

    @property
    def _owes_another(self) -> bool:
        """Whether this would be read as an answer to an earlier request, or as a part of one."""
        answering = self._answering
        if answering is None or answering.response_complete:
            return False
        return self._in_head or answering is not self.cycle or answering.response_started

    @property
    def _cycle(self) -> RequestResponseCycle | None:
        return self.cycle  # which uvicorn declares to be always there

    @property
    def _too_large(self) -> str:
        return f"The head of a request is at most {self.bounds.head_bytes} bytes."

    def _too_many_fields(self) -> None:
        self._break(431, "headers_too_large", f"A request has at most {self.bounds.fields} header fields.")

    def _break(self, status: int, reason: str, detail: str) -> None:
        """Stop the parser from within; uvicorn then calls `send_400_response`."""
        self._answer = (status, reason, detail)
        raise _Broken

    def _refuse(self, status: int, reason: str, detail: str) -> None:
        self._answer = (status, reason, detail)
        self.send_400_response(detail)

    def send_400_response(self, msg: str) -> None:
        self._stop_timer()
        if self._owes_another:
            self.transport.abort()
            return
        if self.transport.is_closing():
            return
        status, reason, detail = self._answer or (400, "bad_request", "This is not HTTP.")
        if self._cycle is not None:
            self._cycle.disconnected = True
        self.transport.write(refusal(status, reason, detail, self._readable()))
        self.transport.close()


def bounded(bounds: Bounds) -> tuple[type[BoundedHttp], type[WebSocketsSansIOProtocol]]:
    """The protocol classes of a server whose connections have these bounds."""
    shared = {"bounds": bounds, "open_connections": HttpConnections(bounds)}
    return type("Http", (BoundedHttp,), dict(shared)), type("WebSocket", (BoundedWebSocket,), dict(shared))
