"""Captured Opus packets of one speaker as 16 kHz mono samples, with what is missing filled with silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import av
from av.audio.resampler import AudioResampler
from av.codec.context import CodecContext
from av.error import FFmpegError

from contracts.capture import Bundle, Packet

RATE: Final = 16_000
"""Hz; 16-bit mono."""
_RTP_RATE: Final = 48_000
_LONGEST_PACKET_MS: Final = 120
"""RFC 6716, 2.1.4."""
_SILENCE: Final = b"\0\0"


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples of one packet."""

    arrived_ns: int
    """Wall clock of the packet's arrival."""
    samples: bytes
    """Little-endian, 16 bits. First the silence that stands for what did not arrive before it."""
    after_pause: bool = False
    """Nothing arrived for longer than the longest gap that is filled."""


class OpusStream:
    """Decodes one session's packets in the order of their RTP sequence; late and doubled ones are left out."""

    def __init__(self, longest_gap_s: float) -> None:
        """Gaps up to `longest_gap_s` are filled with silence; a longer one is a pause."""
        self._longest_gap_ns = round(longest_gap_s * 1e9)
        self._new_decoder()
        self._ssrc: int | None = None
        self._sequence = 0
        self._timestamp = 0
        self._arrived_ns = 0
        self.undecodable = 0
        """Packets that were no Opus, so far."""

    def _new_decoder(self) -> None:
        self._decoder = CodecContext.create("libopus", "r")
        self._decoder.sample_rate = _RTP_RATE
        self._decoder.layout = "mono"
        self._resampler = AudioResampler(format="s16", layout="mono", rate=RATE)

    def pieces(self, bundle: Bundle) -> Iterator[Piece]:
        """The bundle's packets, decoded."""
        if bundle.ssrc != self._ssrc:
            self._ssrc = bundle.ssrc
            self._sequence = self._timestamp = -1
        last = self._sequence
        packets = bundle.packets
        if last < 0 and packets:
            last = packets[0].sequence - 1
        for packet in sorted(packets, key=lambda p: _distance(last, p.sequence)):
            if self._sequence >= 0 and _distance(self._sequence, packet.sequence) <= 0:
                continue
            yield self._piece(packet, bundle.arrived_ns(packet))

    def _piece(self, packet: Packet, arrived_ns: int) -> Piece:
        pause = self._arrived_ns > 0 and arrived_ns - self._arrived_ns > self._longest_gap_ns
        missing = 0
        if self._sequence >= 0 and not pause:
            missing = (packet.timestamp - self._timestamp) & 0xFFFFFFFF
            # A clock that jumped, or ran backwards, tells nothing about time that passed.
            if missing * 10**9 > self._longest_gap_ns * _RTP_RATE:
                missing = 0
        samples, samples_48k = self._decode(packet.payload)
        self._sequence = packet.sequence
        self._timestamp = (packet.timestamp + samples_48k) & 0xFFFFFFFF
        self._arrived_ns = arrived_ns
        return Piece(arrived_ns, _SILENCE * (missing * RATE // _RTP_RATE) + samples, pause)

    def _decode(self, payload: bytes) -> tuple[bytes, int]:
        """Samples at 16 kHz, and how many there were at 48 kHz; none for what is no Opus packet."""
        parts: list[bytes] = []
        count = 0
        try:
            for frame in self._decoder.decode(av.Packet(payload)) if payload else ():
                count += frame.samples
                frame.pts = None
                parts += (bytes(out.planes[0])[: out.samples * 2] for out in self._resampler.resample(frame))
        except (FFmpegError, ValueError):
            self.undecodable += 1
            self._new_decoder()
            return b"", 0
        if count > _LONGEST_PACKET_MS * _RTP_RATE // 1000:
            self.undecodable += 1
            return b"", 0
        return b"".join(parts), count


def _distance(earlier: int, later: int) -> int:
    """How far RTP sequence `later` is after `earlier`, -32768..32767 (RFC 3550, A.1)."""
    return (later - earlier + 0x8000) % 0x10000 - 0x8000
