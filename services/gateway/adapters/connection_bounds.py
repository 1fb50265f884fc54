"""What one connection, and one address, may cost; the open connections; and how one of them is refused in words."""

from __future__ import annotations

import asyncio
import json
import resource
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from services.gateway.adapters.addresses import address_of

POLITE: Final = 50
"""So many connections above an address's limit are told so; those above them are cut off."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection, and one address, may cost."""

    head_bytes: int = 32 * 1024
    fields: int = 100
    head_seconds: float = 10.0
    """In which a head must be complete, from its first byte on."""
    idle_seconds: float = 30.0
    """Between two requests, and before the first."""
    body_rate: int = 1024
    """Bytes a second at which a body comes, at least."""
    body_stalls: float = 30.0
    """Seconds that a body may take beside that: its sender may stand still, behind a busy processor or a bad line."""
    per_address: int = 200
    """Connections of one address at once."""
    proxies: Container[str | None] = ()
    """Addresses that are many people's, and counted nowhere."""
    most: int = field(default_factory=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    """Descriptors of this process. The last tenth of them is for people who are signed in."""
    signed_in: Callable[[Sequence[tuple[bytes, bytes]], bytes], bool] = lambda headers, query: False
    """Whether a request, by its headers and its query, is of somebody who is signed in."""
    readable: Callable[[str | None], Sequence[tuple[bytes, bytes]]] = lambda origin: ()
    """Headers that let a page of the request's origin read the answer."""


class HttpConnections:
    """The open connections, by the address they come from."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._of: Counter[str] = Counter()
        self._open: dict[asyncio.BaseTransport, str] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def crowded(self) -> bool:
        """Whether what is left is for people who are signed in."""
        return len(self._open) > self._bounds.most * 0.9

    def enter(self, transport: asyncio.BaseTransport, host: str | None) -> int:
        """Take a connection in; how many that address has above its limit."""
        address = address_of(host)
        self._open[transport] = address
        if host in self._bounds.proxies:
            return 0
        self._of[address] += 1
        return self._of[address] - self._bounds.per_address

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection that is closed; again is fine."""
        address = self._open.pop(transport, None)
        if address is not None and self._of[address] > 0:
            self._of[address] -= 1
            if not self._of[address]:
                del self._of[address]


def refusal(status: int, reason: str, detail: str, readable: bytes = b"") -> bytes:
    """The whole of an answer that says why its connection is closed. `readable` are further lines of its head."""
    phrase = HTTPStatus(status).phrase
    document = {
        "type": f"urn:rostrum:problem:{reason}", "title": phrase, "status": status, "detail": detail,
        "reason": reason, "instance": "",
    }  # fmt: skip
    body = json.dumps(document).encode()
    later = "retry-after: 1\r\n" if status in (429, 503) else ""
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\n{later}"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n"
    )
    return head.encode() + readable + b"\r\n" + body
