"""Sounds for the tests: encoded with the real libopus, bundled as media bundles them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from contracts import capture
from infra.demo import speech as voices

Audio = NDArray[np.float32]
RATE = 48_000
FRAME = 960
SPEECH = Path(voices.__file__).parent
BASE_NS = 1_790_000_000_000_000_000
"""Some moment, as ns since the Unix epoch."""


def noise(seconds: float, seed: int = 1) -> Audio:
    """Speech-like noise: band-limited, in syllables, the same for the same seed."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    raw = np.convolve(rng.standard_normal(count + 64), np.hanning(64) / 32, "valid")[:count]
    syllables = 0.5 + 0.5 * np.sin(np.arange(count) * 2 * np.pi * (3 + seed % 5) / RATE)
    return (0.3 * raw * syllables).astype(np.float32)


def speech(voice: str, seconds: float) -> Audio:
    """The first seconds of one of the demo's carried voices (awb, rms, slt), at 48 kHz.

    With the faint noise of a room: an encoder sends digital silence as empty frames, and no track keeps those.
    """
    spoken = load(SPEECH / f"{voice}.flac")[: int(seconds * RATE)]
    return spoken + np.random.default_rng(1).normal(0, 1e-3, len(spoken)).astype(np.float32)


def load(path: Path) -> Audio:
    """Any audio file as mono at 48 kHz."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    pieces: list[Audio] = []
    with av.open(str(path)) as container:
        for frame in [*container.decode(audio=0), None]:
            pieces += [out.to_ndarray().reshape(-1).astype(np.float32) for out in resampler.resample(frame)]
    return np.concatenate(pieces)


def encode(audio: Audio, *, layout: str = "mono", frame: int = FRAME, bit_rate: int = 48_000) -> list[bytes]:
    """Opus packets of `frame` samples each; the last is filled up with silence."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = RATE, layout, "flt"
    encoder.bit_rate = bit_rate
    encoder.options = {"frame_duration": f"{frame * 1000 / RATE:g}", "application": "audio"}
    encoder.time_base = Fraction(1, RATE)
    channels = len(encoder.layout.channels)
    padded = np.concatenate((audio, np.zeros(-len(audio) % frame, np.float32)))
    packets: list[bytes] = []
    for at in range(0, len(padded), frame):
        samples = np.repeat(padded[at : at + frame], channels).reshape(1, -1)
        block = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="flt", layout=layout)
        block.sample_rate, block.pts = RATE, at
        packets += [bytes(packet) for packet in encoder.encode(block)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return packets


@dataclass(frozen=True)
class Sent:
    """A packet as it reached media."""

    arrival: float
    """Seconds after BASE_NS."""
    timestamp: int
    sequence: int
    payload: bytes


def stream(packets: Sequence[bytes], *, at: float = 0.0, timestamp: int = 7_000, sequence: int = 100) -> list[Sent]:
    """Packets of 20 ms sent in time from `at` on."""
    return [
        Sent(at + n * 0.02, (timestamp + n * FRAME) & 0xFFFFFFFF, (sequence + n) & 0xFFFF, payload)
        for n, payload in enumerate(packets)
    ]


def bundles(
    sent: Iterable[Sent], *, ssrc: int = 0xABCD, every: float = 0.1, base_ns: int = BASE_NS, continuous: bool = False
) -> Iterator[bytes]:
    """CAPTURE message bodies of about 100 ms, in order of arrival; the last is marked."""
    waiting: list[Sent] = []

    def body(last: bool = False) -> bytes:
        first = min(waiting, key=lambda s: s.arrival).arrival if waiting else 0.0
        rows = [
            capture.CapturedPacket(round((s.arrival - first) * 1e6), s.timestamp, s.sequence, s.payload)
            for s in waiting
        ]
        return capture.encode(
            capture.Bundle(base_ns + round(first * 1e9), ssrc, rows, last=last, continuous=continuous)
        )

    for one in sorted(sent, key=lambda s: s.arrival):
        if waiting and one.arrival - waiting[0].arrival >= every:
            yield body()
            waiting = []
        waiting.append(one)
    yield body(last=True)


def lufs(audio: Audio) -> float:
    """How loud it is, as others measure it."""
    import pyloudnorm  # SciPy with it takes seconds, and every worker imports every file

    return float(pyloudnorm.Meter(RATE).integrated_loudness(audio.astype(np.float64)))


def shift(reference: Audio, heard: Audio, *, within: float = 2.0) -> tuple[float, float]:
    """(seconds by which `heard` is late, correlation there from -1 to 1), the best of all shifts up to `within`."""
    size = 1 << (len(reference) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size))
    correlation = np.fft.irfft(spectrum, size)
    reach = int(within * RATE)
    around = np.concatenate((correlation[-reach:], correlation[: reach + 1]))
    best = int(np.argmax(around)) - reach
    a, b = (reference, heard[best:]) if best >= 0 else (reference[-best:], heard)
    count = min(len(a), len(b))
    a, b = a[:count], b[:count]
    scale = float(np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return best / RATE, float(np.dot(a, b)) / scale if scale else 0.0
