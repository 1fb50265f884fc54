"""The mix of a Space: every track decoded, summed with a soft limit, encoded as AAC in M4A.

Works through time a second at a time, so its memory does not grow with the Space. Imports numpy and PyAV: only for the
process that builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from libs.audio.decoder import opus_decoder
from libs.audio.opus import RATE
from services.recording.replay.ogg import PRE_SKIP

Audio = NDArray[np.float32]

_CHUNK: Final = RATE
_FRAME: Final = 1024  # samples in an AAC-LC frame
_KNEE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Part:
    """A track and where it starts in the mix."""

    open: Callable[[], BinaryIO]
    offset: int
    """Samples."""


def limit(audio: Audio) -> Audio:
    """Bring a sum into -1..1: as it is up to 0.8, bent above it, so that loud overlaps do not clip."""
    loud = np.abs(audio)
    if float(loud.max(initial=0.0)) <= _KNEE:
        return audio
    bent = _KNEE + (1 - _KNEE) * np.tanh((loud - _KNEE) / (1 - _KNEE))
    return np.where(loud <= _KNEE, audio, np.sign(audio) * bent).astype(np.float32)


def decode(open_track: Callable[[], BinaryIO]) -> Iterator[Audio]:
    """Mono audio of an Ogg Opus file in pieces, its pre-skip left out. What cannot be decoded is silence."""
    with open_track() as file, av.open(file, "r") as container:
        stream = container.streams.audio[0]
        decoder = opus_decoder(stream.codec_context.layout)
        skip = PRE_SKIP
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            try:
                # A packet made anew carries no side data: the decoder would drop the pre-skip by itself, once more.
                frames = decoder.decode(av.Packet(bytes(packet)))
                pieces = [_mono(frame.to_ndarray(), len(frame.layout.channels)) for frame in frames]
            except av.error.FFmpegError:
                pieces = [np.zeros(round((packet.duration or 0) * (packet.time_base or 0) * RATE), np.float32)]
            for piece in pieces:
                if skip >= len(piece):
                    skip -= len(piece)
                else:
                    yield piece[skip:]
                    skip = 0


def _mono(samples: NDArray[np.generic], channels: int) -> Audio:
    """Interleaved 16-bit or float samples (1, n * channels) as mono."""
    scale = 32768.0 if samples.dtype == np.int16 else 1.0
    audio: Audio = samples.astype(np.float32).reshape(-1, channels).mean(axis=1, dtype=np.float32) / np.float32(scale)
    return audio


class _Track:
    """A track being read, chunk by chunk."""

    def __init__(self, part: Part) -> None:
        self._pieces = decode(part.open)
        self._offset = part.offset
        self._left: Audio = np.zeros(0, np.float32)
        self.finished = False

    def add_to(self, chunk: Audio, start: int) -> int:
        """Add what lies in the chunk that begins at sample `start`; where in the chunk this track ended, else 0."""
        at = max(self._offset - start, 0)
        while at < len(chunk) and not self.finished:
            if not len(self._left):
                piece = next(self._pieces, None)
                if piece is None:
                    self.finished = True
                    return at
                self._left = piece
            count = min(len(self._left), len(chunk) - at)
            chunk[at : at + count] += self._left[:count]
            self._left = self._left[count:]
            at += count
        return 0


def mixed(parts: Sequence[Part]) -> Iterator[Audio]:
    """The limited sum of all tracks, a second at a time, as long as the longest."""
    tracks = [_Track(part) for part in parts]
    start = 0
    while tracks:
        chunk = np.zeros(_CHUNK, np.float32)
        ended = max(track.add_to(chunk, start) for track in tracks)
        tracks = [track for track in tracks if not track.finished]
        yield limit(chunk if tracks else chunk[:ended])
        start += _CHUNK


def write_m4a(chunks: Iterator[Audio], path: Path, *, bit_rate: int = 128_000) -> int:
    """Encode audio as AAC-LC, mono, 48 kHz, with its index at the front of the file; how many samples it was."""
    total = 0
    with av.open(str(path), "w", format="ipod", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = bit_rate
        stream.time_base = Fraction(1, RATE)
        left: Audio = np.zeros(0, np.float32)
        for chunk in chunks:
            audio = np.concatenate((left, chunk))
            whole = len(audio) // _FRAME * _FRAME
            for at in range(0, whole, _FRAME):
                container.mux(stream.encode(_frame(audio[at : at + _FRAME], total + at)))
            total += whole
            left = audio[whole:]
        if len(left) or not total:
            container.mux(stream.encode(_frame(left if len(left) else np.zeros(_FRAME, np.float32), total)))
            total += len(left)
        container.mux(stream.encode(None))
    return total


def _frame(audio: Audio, pts: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.reshape(1, -1)), format="fltp", layout="mono")
    frame.sample_rate = RATE
    frame.pts = pts
    frame.time_base = Fraction(1, RATE)
    return frame
