"""The mix of a Space: every track decoded, levelled, summed, encoded as AAC in M4A.

Works through time a twelfth of a second at a time, so its memory does not grow with the Space. Imports numpy and PyAV:
only for the process that builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final

import av
import av.error
import numpy as np

from libs.audio.decoder import opus_decoder
from libs.audio.opus import RATE
from services.recording.replay.loudness import HOP, Audio, Levelled
from services.recording.replay.ogg import PRE_SKIP

_FRAME: Final = 1024  # samples in an AAC-LC frame
_CODER: Final = {"aac_coder": "fast", "cutoff": "16000"}
"""Less than half the work of the other coder, and peaks that stay closer to what was given."""
_CONVERGING: Final = RATE // 10
"""A decoder that begins in the middle is right after 80 ms (RFC 7845, section 4.6); some more."""


@dataclass(frozen=True, slots=True)
class MixPart:
    """A track and where it starts in the mix."""

    open: Callable[[], BinaryIO]
    offset: int
    """Samples; below 0 where it starts before the mix, which has it from there on."""


def decode(open_track: Callable[[], BinaryIO], start: int = 0) -> Iterator[Audio]:
    """Mono audio of an Ogg Opus file in pieces from sample `start` on, its pre-skip left out. What cannot be decoded is
    silence."""
    with open_track() as file, av.open(file, "r") as container:
        stream = container.streams.audio[0]
        decoder = opus_decoder(stream.codec_context.layout)
        skip = PRE_SKIP + start
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            if skip > _CONVERGING and (samples := _samples(packet)) <= skip - _CONVERGING:
                skip -= samples
                continue
            try:
                # A packet made anew carries no side data: the decoder would drop the pre-skip by itself, once more.
                pieces = [mono(frame) for frame in decoder.decode(av.Packet(bytes(packet)))]
            except av.error.FFmpegError:
                pieces = [np.zeros(_samples(packet), np.float32)]
            for piece in pieces:
                if skip >= len(piece):
                    skip -= len(piece)
                else:
                    yield piece[skip:]
                    skip = 0


def _samples(packet: av.Packet[Any]) -> int:
    return round((packet.duration or 0) * (packet.time_base or 0) * RATE)


def mono(frame: av.AudioFrame) -> Audio:
    """Interleaved 16-bit or float samples as mono."""
    channels = len(frame.layout.channels)
    if channels == 1 and frame.format.name == "s16":  # what the decoder of one channel gives: without a copy
        return np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples) * np.float32(1 / 32768)
    samples = frame.to_ndarray()
    scale = 32768.0 if samples.dtype == np.int16 else 1.0
    audio: Audio = samples.reshape(-1).astype(np.float32)
    if channels > 1:
        audio = audio.reshape(-1, channels).mean(axis=1, dtype=np.float32)
    return audio / np.float32(scale)


class _Track:
    """A track being read, chunk by chunk."""

    def __init__(self, part: MixPart) -> None:
        self._pieces = decode(part.open, max(-part.offset, 0))
        self._offset = max(part.offset, 0)
        self._left: Audio = np.zeros(0, np.float32)
        self.finished = False

    def hop(self, start: int) -> tuple[Audio, int] | None:
        """The hop that begins at sample `start`, and where in it the track ended (else its length); None before the
        track begins."""
        if self._offset >= start + HOP:
            return None
        hop: Audio = np.zeros(HOP, np.float32)
        at = max(self._offset - start, 0)
        while at < HOP:
            if not len(self._left):
                piece = next(self._pieces, None)
                if piece is None:
                    self.finished = True
                    return hop, at
                self._left = piece
            count = min(len(self._left), HOP - at)
            hop[at : at + count] = self._left[:count]
            self._left = self._left[count:]
            at += count
        return hop, HOP


def mixed(
    parts: Sequence[MixPart], heard: Callable[[Mapping[str, Audio]], object] = lambda hops: None
) -> Iterator[Audio]:
    """The levelled sum of all tracks, a bit at a time, as long as the longest. `heard` is given each hop before that,
    by the number of its track."""
    tracks, levelled = {str(number): _Track(part) for number, part in enumerate(parts)}, Levelled()
    start = left = 0  # samples that were given, and of these those that did not come out yet
    while tracks:
        hops, ended = {}, 0
        for number, track in list(tracks.items()):
            if (found := track.hop(start)) is not None:
                hops[number] = found[0]
                ended = max(ended, found[1])
            if track.finished:
                del tracks[number]
        heard(hops)
        made = levelled.next(hops)
        left += (HOP if tracks else ended) - len(made)
        start += HOP
        if len(made):
            yield made
    if left:
        yield levelled.rest()[:left]


def write_m4a(chunks: Iterator[Audio], path: Path, *, bit_rate: int = 128_000) -> int:
    """Encode audio as AAC-LC, mono, 48 kHz, with its index at the front of the file; how many samples it was."""
    total = 0
    with av.open(str(path), "w", format="ipod", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono", options=_CODER)
        stream.bit_rate = bit_rate
        stream.time_base = Fraction(1, RATE)
        left: Audio = np.zeros(0, np.float32)
        for chunk in chunks:
            audio = np.concatenate((left, chunk))
            whole = len(audio) // _FRAME * _FRAME
            for at in range(0, whole, _FRAME):
                container.mux(stream.encode(frame(audio[at : at + _FRAME], total + at)))
            total += whole
            left = audio[whole:]
        if len(left) or not total:
            container.mux(stream.encode(frame(left if len(left) else np.zeros(_FRAME, np.float32), total)))
            total += len(left)
        container.mux(stream.encode(None))
    return total


def frame(audio: Audio, pts: int) -> av.AudioFrame:
    """Audio as PyAV takes it, from sample `pts` on."""
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.reshape(1, -1)), format="fltp", layout="mono")
    made.sample_rate = RATE
    made.pts = pts
    made.time_base = Fraction(1, RATE)
    return made
