"""WebSockets with bounds: what is taken of a client from whom nothing is expected but answers to pings."""

from __future__ import annotations

import asyncio

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from services.gateway.adapters.connection_bounds import HttpConnections, refusal


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol; its connection was counted when it spoke HTTP. Made by `bounded`."""

    open_connections: HttpConnections

    _opening = True
    """Whether the app has not accepted yet. What came meanwhile would be kept, however much it is."""
    _spoken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._read_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # Its parser of heads is narrower than that of HTTP, and uvicorn would leave the connection open unanswered.
            self.handshake_complete = self.close_sent = True
            detail = "A WebSocket is opened by a GET without a body, with at most 8192 bytes in each line of its head."
            self.transport.write(refusal(400, "bad_request", detail))
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if self._opening and message["type"] == "websocket.accept":
            self._opening = False
            self._read_on()

    def shutdown(self) -> None:
        if self.handshake_complete or self.close_sent:
            super().shutdown()
        else:
            self.stop_keepalive()  # the app answers soon; uvicorn would say 500 before it does

    # -- what comes --------------------------------------------------------------------------------------------

    def handle_text(self, event: Frame) -> None:
        self._hear()

    def handle_bytes(self, event: Frame) -> None:
        self._hear()

    def handle_cont(self, event: Frame) -> None:
        self._hear()

    def _hear(self) -> None:
        """Tell the app once that something was said, whatever it is: nobody reads it, so nothing of it is kept."""
        if not self._spoken:
            self._spoken = True
            self.queue.put_nowait({"type": "websocket.receive", "bytes": b""})

    # -- a client that does not read ---------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._read_on()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_on()

    def _read_on(self) -> None:
        """Read only while what is written is taken: each ping has its answer, which waits for a client to read it."""
        transport = self.transport
        if transport.is_closing():
            return
        if self._opening or not self.writable.is_set():
            transport.pause_reading()
        else:
            transport.resume_reading()
