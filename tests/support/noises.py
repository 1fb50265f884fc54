"""Sounds in which nobody says anything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from services.transcription.engines import RATE

Samples = NDArray[np.float64]


def noises(seconds: float, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """(name, PCM at 16 kHz): noise, tones, sweeps, music, clicks, hum and room tone, each of this length."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    pink = _pink(rng, n)
    high, low = rng.uniform(400, 3000), rng.uniform(80, 300)
    sounds = {
        "white noise": 0.1 * rng.standard_normal(n),
        "pink noise": 0.3 * pink,
        "bursts of noise": 0.2 * rng.standard_normal(n) * (np.sin(2 * np.pi * 2 * t) > 0.3),
        "a high tone": 0.3 * np.sin(2 * np.pi * high * t),
        "a low tone": 0.3 * np.sin(2 * np.pi * low * t),
        "a tone that swells": 0.3 * np.sin(2 * np.pi * low * t) * (1 + np.sin(2 * np.pi * 4 * t)) / 2,
        "a sweep": 0.3 * np.sin(2 * np.pi * (50 + 3000 * t / max(seconds, 1)) * t),
        "a siren": 0.3 * np.sin(2 * np.pi * (600 * t + 200 * np.sin(2 * np.pi * 0.5 * t))),
        "a chord": 0.1 * sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330)),
        "a melody": _notes(rng, n, saw=False),
        "a reed melody": _notes(rng, n, saw=True),
        "clicks": 0.8 * (rng.random(n) < 0.0005),
        "hum": 0.05 * sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 12)),
        "room tone": 0.003 * pink,
        "silence": np.zeros(n),
    }
    for name, samples in sounds.items():
        yield name, (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def _pink(rng: np.random.Generator, n: int) -> Samples:
    spectrum = np.fft.rfft(rng.standard_normal(n))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), n)
    return np.asarray(pink / np.abs(pink).max(), np.float64)


def _notes(rng: np.random.Generator, n: int, *, saw: bool) -> Samples:
    length = RATE // 4
    at = np.arange(length) / RATE
    notes = []
    for frequency in rng.choice([131, 147, 165, 196, 220, 262, 294, 330, 392, 440], n // length + 1):
        wave = (frequency * at) % 1 - 0.5 if saw else np.sin(2 * np.pi * frequency * at)
        notes.append(0.2 * wave * np.exp(-at * 6))
    return np.concatenate(notes)[:n]
