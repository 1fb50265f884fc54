"""The log-mel spectrogram that Whisper reads (Radford et al., 2022, section 2.2; filters after Slaney's toolbox)."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.transcription.engines import RATE

WINDOW: Final = 400
"""Samples of one spectrum: 25 ms."""
HOP: Final = 160
"""Samples from one frame to the next: 10 ms."""
_PEAK: Final = 0.5
"""Up to which quiet samples are made louder,"""
_LOUDER: Final = 20.0
"""and by how much at most."""
_SMALLEST: Final = 1e-10
_LINEAR_HZ: Final = 200 / 3
"""Hz per mel, below `_LOG_FROM_HZ`."""
_LOG_FROM_HZ: Final = 1000.0
_LOG_STEP: Final = np.log(6.4) / 27


def samples_of(pcm: bytes) -> NDArray[np.float32]:
    """16-bit little-endian PCM as numbers from -1 to 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Quiet samples made louder, as the models were trained on speech at an ordinary level.

    Of 36 words said alone at -40 dBFS, the models believed 4 too little without this, and all with it.
    """
    peak = float(np.abs(samples).max(initial=0))
    gain = min(_LOUDER, _PEAK / peak) if peak else 1.0
    return samples * np.float32(gain) if gain > 1 else samples


def log_mel(samples: NDArray[np.float32], mels: int) -> NDArray[np.float32]:
    """Spectrogram of `mels` bands (rows), a column for every whole hop of the samples."""
    padded = np.pad(samples, WINDOW // 2, mode="reflect") if len(samples) > WINDOW else np.pad(samples, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: len(samples) // HOP]
    power = np.abs(np.fft.rfft(frames * _hann(), axis=1)) ** 2
    mel = _filters(mels) @ power.T.astype(np.float32)
    logarithm = np.log10(np.maximum(mel, _SMALLEST))
    # Eight decades below the loudest is as quiet as it gets.
    levels: NDArray[np.float32] = ((np.maximum(logarithm, logarithm.max(initial=-10) - 8) + 4) / 4).astype(np.float32)
    return levels


@cache
def _hann() -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@cache
def _filters(mels: int) -> NDArray[np.float32]:
    """Triangles of equal area over the mel scale, by band and frequency."""
    frequencies = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    edges = _hz(np.linspace(_mel(0.0), _mel(RATE / 2), mels + 2))
    widths = np.diff(edges)
    slopes = edges[:, None] - frequencies[None, :]
    rising, falling = -slopes[:-2] / widths[:-1, None], slopes[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def _mel(hz: float) -> float:
    if hz < _LOG_FROM_HZ:
        return hz / _LINEAR_HZ
    return float(_LOG_FROM_HZ / _LINEAR_HZ + np.log(hz / _LOG_FROM_HZ) / _LOG_STEP)


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    log_from = _LOG_FROM_HZ / _LINEAR_HZ
    return np.where(mel < log_from, mel * _LINEAR_HZ, _LOG_FROM_HZ * np.exp((mel - log_from) * _LOG_STEP))
