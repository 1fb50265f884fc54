"""Which tone is in what a client decoded."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

RATE: Final = 48_000
Samples = NDArray[np.float64]
"""In -1..1, one channel."""


def decode_opus(payloads: Sequence[bytes]) -> Samples:
    """What libopus makes of Opus packets."""
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = RATE
    decoder.layout = "stereo"
    return of_frames([frame for payload in payloads for frame in decoder.decode(av.Packet(payload))])


def decode_file(file: bytes) -> Samples:
    """The sound in a file of any format."""
    with av.open(io.BytesIO(file), "r") as container:
        return of_frames(list(container.decode(audio=0)))


def of_frames(frames: Sequence[Any]) -> Samples:
    """The left channel of audio frames, at 48 kHz."""
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=RATE)
    parts = [part.to_ndarray() for frame in frames for part in resampler.resample(frame)]
    return np.concatenate(parts, axis=1)[0, ::2].astype(np.float64) if parts else np.zeros(0)


def has_tone(samples: Samples, hertz: float) -> bool:
    """Whether a tone is heard alone for a quarter of a second somewhere; nobody speaks like that above 1 kHz."""
    size = RATE // 4
    near = np.abs(np.fft.rfftfreq(size, 1 / RATE) - hertz) < 15
    for at in range(0, len(samples) - size + 1, size // 2):
        power = np.abs(np.fft.rfft(samples[at : at + size] * np.hanning(size))) ** 2
        if power.sum() > 1e-3 and power[near].sum() > 0.5 * power.sum():
            return True
    return False


def pitch(samples: Samples) -> float:
    """The loudest frequency, in hertz; 0 for silence, and for less than 0.3 s."""
    if len(samples) < 0.3 * RATE or np.abs(samples).max() < 0.01:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.fft.rfftfreq(len(samples), 1 / RATE)[spectrum.argmax()])
