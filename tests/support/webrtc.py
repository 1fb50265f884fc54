"""Real WebRTC clients (aiortc) that remember every Opus payload they sent and received."""

from __future__ import annotations

import asyncio
import fractions
import functools
import math
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket

from infra.demo.connection import Negotiate, connected, new_connection, offered, tap
from tests.support.waiting import LIMIT, pace

__all__ = [
    "Ear",
    "Heard",
    "Negotiate",
    "PayloadTrack",
    "Publisher",
    "connected",
    "dtls_client_hello",
    "ear",
    "new_connection",
    "opus_tone",
    "publishing",
    "speaker",
    "told_of_the_end",
]

FRAME_SAMPLES: Final = 960
FRAME_SECONDS: Final = 0.02


def opus_tone(hz: float, seconds: float, *, rate: int = 48_000) -> list[bytes]:
    """A tone as 20 ms Opus packets, one stream of libopus."""
    at = np.arange(round(seconds / FRAME_SECONDS) * FRAME_SAMPLES) / rate
    return _opus(0.3 * np.sin(2 * math.pi * hz * at), rate, 32_000, {})


def opus_with_fec(seconds: float) -> list[bytes]:
    """A hummed vowel as 20 ms Opus packets, most of which carry the one before them at a lower rate (in-band FEC)."""
    at = np.arange(round(seconds / FRAME_SECONDS) * FRAME_SAMPLES) / 48_000
    phase = 2 * math.pi * np.cumsum(120 + 20 * np.sin(2 * math.pi * 3 * at)) / 48_000
    vowel = sum(np.sin(k * phase) / k for k in range(1, 20)) * (0.3 + 0.2 * np.sin(2 * math.pi * 4 * at))
    return _opus(vowel / 2, 48_000, 24_000, {"application": "voip", "fec": "1", "packet_loss": "20"})


def has_fec(packet: bytes) -> bool:
    """Whether a packet of one mono frame of 20 ms in SILK or hybrid mode has the frame before it (RFC 6716, 4.2.4)."""
    return packet[0] >> 3 < 16 and bool(packet[1] & 0x40)


def _opus(samples: Any, rate: int, bit_rate: int, options: dict[str, str]) -> list[bytes]:
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = rate
    encoder.layout = "mono"
    encoder.format = "s16"
    encoder.bit_rate = bit_rate
    encoder.options = options
    encoder.open()
    packets: list[bytes] = []
    for number, part in enumerate((samples * 32767).astype(np.int16).reshape(-1, 1, FRAME_SAMPLES)):
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate = rate
        frame.pts = number * FRAME_SAMPLES
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


class PayloadTrack(MediaStreamTrack):
    """Sends ready Opus packets, one every 20 ms by the clock, and ends (or falls still) after the last."""

    kind = "audio"

    def __init__(self, payloads: Sequence[bytes] = ()) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._next = 0.0
        self._pts = 0
        for payload in payloads:
            self._queue.put_nowait(payload)

    def say(self, payloads: Sequence[bytes]) -> None:
        """Adds packets."""
        for payload in payloads:
            self._queue.put_nowait(payload)

    async def said(self) -> None:
        """Waits until everything has been handed to the sender."""
        await self._queue.join()

    async def recv(self) -> Any:
        if self.readyState != "live":
            raise MediaStreamError
        pauses = self._queue.empty()
        payload = await self._queue.get()
        now = time.monotonic()
        if not self._next or (pauses and self._next < now - 0.2):
            # A pause passes on the media clock too; being late, on a busy machine, is none.
            if self._next:
                self._pts += round((now - self._next) / FRAME_SECONDS) * FRAME_SAMPLES
            self._next = now
        await pace(self._next)
        self._next += FRAME_SECONDS
        packet = av.Packet(payload)
        packet.pts = self._pts
        packet.time_base = fractions.Fraction(1, 48_000)
        self._pts += FRAME_SAMPLES
        self.sent.append(payload)
        self._queue.task_done()
        return packet


@dataclass(frozen=True, slots=True)
class Heard:
    """One RTP packet that arrived."""

    slot: int
    payload: bytes
    sequence: int
    timestamp: int
    marker: bool
    sources: tuple[int, ...]
    at: float


@dataclass(slots=True)
class Publisher:
    """A client that publishes."""

    pc: RTCPeerConnection
    track: PayloadTrack

    @property
    def sent(self) -> list[bytes]:
        """Payloads handed to the sender so far."""
        return self.track.sent

    def hear_no_goodbye(self) -> None:
        """From now on, go on sending whatever DTLS says, as a client does that means no good."""
        for sender in self.pc.getSenders():
            ssl: Any = sender.transport._ssl
            ssl.recv = lambda _: b""


@dataclass(slots=True)
class Ear:
    """A client that listens."""

    pc: RTCPeerConnection
    heard: list[Heard] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def payloads(self) -> Counter[bytes]:
        """How often each payload arrived."""
        return Counter(packet.payload for packet in self.heard)

    def in_slot(self, slot: int) -> list[Heard]:
        """What arrived in one slot."""
        return [packet for packet in self.heard if packet.slot == slot]

    async def until(self, condition: Callable[[Ear], bool], *, within: float = LIMIT) -> None:
        """Waits until the condition holds; it is looked at again after every packet. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while not condition(self):
                self._news.clear()
                await self._news.wait()

    def _take(self, slot: int, packet: RtpPacket) -> None:
        self.heard.append(
            Heard(
                slot,
                packet.payload,
                packet.sequence_number,
                packet.timestamp,
                bool(packet.marker),
                tuple(packet.csrc),
                time.monotonic(),
            )
        )
        self._news.set()


@asynccontextmanager
async def publishing(
    negotiate: Negotiate, track: MediaStreamTrack, *, wait: bool = True
) -> AsyncIterator[RTCPeerConnection]:
    """A connected publisher of any track; disconnects at the end."""
    pc = new_connection()
    try:
        pc.addTransceiver(track, direction="sendonly")
        await offered(pc, negotiate)
        if wait:
            await connected(pc)
        yield pc
    finally:
        await pc.close()


@asynccontextmanager
async def speaker(
    negotiate: Negotiate, payloads: Sequence[bytes] = (), *, wait: bool = True
) -> AsyncIterator[Publisher]:
    """A connected publisher of ready packets; disconnects at the end."""
    track = PayloadTrack(payloads)
    async with publishing(negotiate, track, wait=wait) as pc:
        yield Publisher(pc, track)


@asynccontextmanager
async def ear(negotiate: Negotiate, *, slots: int = 3, decode: bool = False, wait: bool = True) -> AsyncIterator[Ear]:
    """A connected listener with its audio slots; disconnects at the end. `decode` also runs aiortc's own receiver."""
    pc = new_connection()
    try:
        listener = Ear(pc)
        for slot in range(slots):
            receiver: Any = pc.addTransceiver("audio", direction="recvonly").receiver
            tap(receiver, functools.partial(listener._take, slot), decode=decode)
        await offered(pc, negotiate)
        if wait:
            await connected(pc)
        yield listener
    finally:
        await pc.close()


async def told_of_the_end(pc: RTCPeerConnection) -> None:
    """Waits until the other side has said goodbye in DTLS. Raises TimeoutError."""
    ends: list[Any] = [*pc.getSenders(), *pc.getReceivers()]
    transports = [end.transport for end in ends if end.transport]
    changed = asyncio.Event()
    for transport in transports:
        transport.on("statechange", changed.set)
    async with asyncio.timeout(LIMIT):
        while any(transport.state != "closed" for transport in transports):
            changed.clear()
            await changed.wait()


def dtls_client_hello() -> bytes:
    """The beginning of a DTLS 1.2 ClientHello, as somebody who has no business here would send it."""
    body = b"\xfe\xfd" + bytes(32) + b"\x00\x00\x00\x02\xc0\x2b\x01\x00"
    handshake = (
        b"\x01" + struct.pack("!I", len(body))[1:] + b"\x00\x00\x00\x00\x00" + struct.pack("!I", len(body))[1:] + body
    )
    return b"\x16\xfe\xfd" + bytes(8) + struct.pack("!H", len(handshake)) + handshake
