"""The health port: /healthz (the process runs), /readyz (it can do its work), /metrics (Prometheus)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_LONGEST = 8192


class Health:
    """A small HTTP server on loopback; `ready` returns what is missing by name, empty when all is well.

    `uses` is what the service chose at its start, by name; it is told with readiness.
    """

    def __init__(self, host: str, port: int, ready: Callable[[], dict[str, str]], uses: Mapping[str, str]) -> None:
        self._uses = uses
        self._host = host
        self._ask = ready
        self.port = port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self.port, limit=_LONGEST)
        except OSError as error:
            raise OSError(f"health port {self._host}:{self.port} cannot be used: {error.strerror}") from error
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path == "/healthz":
            return 200, "application/json", b'{"status":"alive"}'
        if path == "/readyz":
            missing = self._ask()
            told: dict[str, object] = {"status": "waiting" if missing else "ready", "missing": missing}
            if self._uses:
                told["uses"] = self._uses
            body = json.dumps(told).encode()
            return 503 if missing else 200, "application/json", body
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        return 404, "application/json", b'{"status":"not_found"}'

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
                status, kind, body = self._answer(target.partition("?")[0])
                if method not in ("GET", "HEAD"):
                    status, kind, body = 405, "application/json", b'{"status":"method_not_allowed"}'
                writer.write(
                    f"HTTP/1.1 {status} {'OK' if status == 200 else 'No'}\r\ncontent-type: {kind}\r\n"
                    f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
                    + (b"" if method == "HEAD" else body)
                )
                await writer.drain()
        writer.close()
