"""A network without UDP: what a client sends as datagrams goes over TCP (RFC 4571) to the server's TCP port.

aiortc knows no TCP candidates; with this in between, whole aiortc clients use them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from infra.demo.client import Client
from tests.support.webrtc import Negotiate

_UDP: Final = re.compile(r"^a=candidate:\S+ 1 udp .*\r\n", re.MULTILINE)
_TCP: Final = re.compile(r"^(a=candidate:\S+ 1) tcp (\d+) (\S+) (\d+) typ host tcptype passive(\r\n)", re.MULTILINE)

Address = tuple[str, int]


def only_tcp(answer: str) -> str:
    """The answer without its UDP candidates."""
    return _UDP.sub("", answer)


@dataclass(eq=False)
class Path(asyncio.DatagramProtocol):
    """From one client to the TCP port, a connection for each address the client sends from."""

    negotiated: Negotiate
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """The server closed a connection."""
    _transport: asyncio.DatagramTransport | None = None
    _server: Address | None = None
    _waiting: dict[Address, asyncio.Queue[bytes]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def negotiate(self, offer: str) -> str:
        """The answer with this path for its one candidate."""
        answer = only_tcp(await self.negotiated(offer))
        found = _TCP.search(answer)
        assert found is not None, "the answer has a TCP candidate"
        self._server = (found[3], int(found[4]))
        family = "::1" if ":" in found[3] else "127.0.0.1"
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(family, 0))
        self._transport = transport
        port = transport.get_extra_info("sockname")[1]
        return _TCP.sub(rf"\1 udp \2 {family} {port} typ host\5", answer)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if addr not in self._waiting:
            self._waiting[addr] = asyncio.Queue()
            self._tasks.add(asyncio.create_task(self._carry(addr)))
        self._waiting[addr].put_nowait(data)

    async def _carry(self, client: Address) -> None:
        assert self._server is not None
        reader, writer = await asyncio.open_connection(*self._server)
        sending = asyncio.create_task(self._send(self._waiting[client], writer))
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    packet = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                    if self._transport is not None:
                        self._transport.sendto(packet, client)
            self.closed.set()
        finally:
            sending.cancel()
            writer.close()

    async def _send(self, packets: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                packet = await packets.get()
                writer.write(len(packet).to_bytes(2) + packet)
                await writer.drain()

    async def close(self) -> None:
        """Ends all connections."""
        if self._transport is not None:
            self._transport.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def without_udp(negotiate: Negotiate) -> AsyncIterator[Path]:
    """A path for one client; negotiate through it."""
    path = Path(negotiate)
    try:
        yield path
    finally:
        await path.close()


class ClientWithoutUdp(Client):
    """Somebody whose audio, of every connection that they make, goes over TCP."""

    def __init__(self, url: str, token: str | None = None, person: dict[str, Any] | None = None) -> None:
        super().__init__(url, token, person)
        self._paths: list[Path] = []

    async def negotiate(self, path: str, offer: str) -> tuple[str, str]:
        """As a client does; the answer's one candidate is a path of its own to the TCP port."""
        resource = ""
        negotiate = super().negotiate

        async def negotiated(offer: str) -> str:
            nonlocal resource
            answer, resource = await negotiate(path, offer)
            return answer

        self._paths.append(Path(negotiated))
        return await self._paths[-1].negotiate(offer), resource

    async def aclose(self) -> None:
        """Closes the connections, those of the audio too."""
        for path in self._paths:
            await path.close()
        await super().aclose()
