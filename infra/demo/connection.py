"""What every WebRTC client here does with aiortc: offer, connect, and see each packet that arrives.

The demo's clients are built of it, and those of the tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtpPacket

Negotiate = Callable[[str], Awaitable[str]]
"""Takes an offer, returns the answer."""


def new_connection() -> RTCPeerConnection:
    """A client that asks no STUN server."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def offered(pc: RTCPeerConnection, negotiate: Negotiate) -> None:
    """Offers what the connection has, and takes the answer."""
    await pc.setLocalDescription(await pc.createOffer())
    answer = await negotiate(pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))


async def connected(pc: RTCPeerConnection, *, within: float = 10.0) -> None:
    """Waits for ICE and DTLS. Raises ConnectionError when they fail, TimeoutError when they take too long."""
    changed = asyncio.Event()
    pc.on("connectionstatechange", changed.set)
    async with asyncio.timeout(within):
        while pc.connectionState != "connected":
            if pc.connectionState in ("failed", "closed"):
                raise ConnectionError(f"the connection is {pc.connectionState}")
            changed.clear()
            await changed.wait()


def tap(receiver: Any, take: Callable[[RtpPacket], None], *, decode: bool = False) -> None:
    """Shows every packet of an `RTCRtpReceiver` as it arrives; `decode`: to aiortc's own receiver too."""
    original = receiver._handle_rtp_packet

    async def handle(packet: RtpPacket, arrival_time_ms: int) -> None:
        take(packet)
        if decode:
            await original(packet, arrival_time_ms)

    receiver._handle_rtp_packet = handle
