"""Captured Opus packets of one session as PCM for a speech engine; short gaps are filled with silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import av
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from contracts.capture import Bundle, CapturedPacket
from libs.audio import opus
from libs.audio.decoder import opus_decoder
from libs.audio.rtp import sequence_step, timestamp_step
from services.transcription.engines import RATE

_SILENCE: Final = b"\0\0"
_CONCEALED: Final = opus.RATE // 10
"""Samples at 48 kHz: lost packets up to this length are made up from the one before."""
_LATE: Final = 1000
"""Packets: who is behind by more is not late but has numbered anew (RFC 3550, A.1, has 100)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples of one packet."""

    arrived_ns: int
    """Wall clock of the packet's arrival."""
    samples: bytes
    """Little-endian, 16 bits. It begins with what stands for packets that did not arrive before this one."""
    after_pause: bool = False
    """Nothing arrived for longer than the longest gap that is filled."""


class PcmStream:
    """Decodes one session's packets in the order of their sequence numbers; late and doubled ones are left out."""

    def __init__(self, longest_gap_s: float) -> None:
        """Gaps up to `longest_gap_s` are filled, with silence where nothing was lost; a longer one is a pause."""
        self._longest_gap_ns = round(longest_gap_s * 1e9)
        self.undecodable = 0
        """Packets that were no Opus, so far."""
        self.reset()

    def reset(self) -> None:
        """Begin anew: what comes next is decoded as if nothing had come before it."""
        self._new_decoder()
        self._ssrc: int | None = None
        self._sequence = self._timestamp = -1
        self._arrived_ns = 0

    def _new_decoder(self) -> None:
        self._before: tuple[bytes, int] = (b"", 0)
        """The last packet that this decoder was given, and how many samples at 48 kHz it had."""
        self._decoder = opus_decoder("mono")
        self._resampler = AudioResampler(format="s16", layout="mono", rate=RATE)

    def pieces(self, bundle: Bundle) -> Iterator[Piece]:
        """The bundle's packets, decoded."""
        if bundle.ssrc != self._ssrc and not bundle.continuous:
            self._sequence = self._timestamp = -1
        self._ssrc = bundle.ssrc
        last = self._sequence
        packets = bundle.packets
        if last < 0 and packets:
            last = packets[0].sequence - 1
        for packet in sorted(packets, key=lambda p: sequence_step(last, p.sequence)):
            step = sequence_step(self._sequence, packet.sequence) if self._sequence >= 0 else 1
            if -_LATE < step <= 0:
                continue
            if step <= 0:
                self._sequence = self._timestamp = -1
            yield self._piece(packet, bundle.arrived_ns(packet))

    def _piece(self, packet: CapturedPacket, arrived_ns: int) -> Piece:
        pause = self._arrived_ns > 0 and arrived_ns - self._arrived_ns > self._longest_gap_ns
        if pause:
            self._new_decoder()
        missing = 0
        if self._sequence >= 0 and not pause:
            longest = self._longest_gap_ns * opus.RATE // 10**9
            missing = min(max(timestamp_step(self._timestamp, packet.timestamp), 0), longest)
        lost = self._sequence >= 0 and sequence_step(self._sequence, packet.sequence) > 1
        made_up, made_up_48k = self._conceal(missing) if lost and missing <= _CONCEALED else (b"", 0)
        samples, samples_48k = self._decode(packet.payload)
        self._before = (packet.payload, samples_48k)
        self._sequence = packet.sequence
        self._timestamp = (packet.timestamp + samples_48k) & 0xFFFFFFFF
        self._arrived_ns = arrived_ns
        silence = _SILENCE * ((missing - made_up_48k) * RATE // opus.RATE)
        return Piece(arrived_ns, made_up + silence + samples, pause)

    def _conceal(self, missing: int) -> tuple[bytes, int]:
        """At most `missing` samples at 48 kHz, by decoding the last packet again: a vowel goes on, and no word breaks.

        Of 71 words with 5 % of packets lost, 2 were wrong with this, and 3 to 7 with silence.
        """
        payload, length = self._before
        parts: list[bytes] = []
        made_up = 0
        while length and made_up + length <= missing:
            samples, samples_48k = self._decode(payload)
            if samples_48k != length:
                break
            parts.append(samples)
            made_up += length
        return b"".join(parts), made_up

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
        if count > opus.LONGEST:
            self.undecodable += 1
            return b"", 0
        return b"".join(parts), count
