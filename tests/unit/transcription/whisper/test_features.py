"""The spectrogram that the weights were trained on."""

from __future__ import annotations

import numpy as np
import pytest

from services.transcription.engines import RATE
from services.transcription.engines.whisper.features import HOP, log_mel, samples_of

CHIRP = {
    0: (1.2556, -0.6638, -0.6638, -0.3139),
    5: (0.9525, 0.1231, -0.6638, -0.3135),
    20: (0.3045, -0.6272, -0.6638, -0.2975),
    40: (-0.028, -0.6638, 0.6619, -0.2189),
    60: (-0.3382, -0.6638, -0.6638, -0.0931),
    79: (-0.5149, -0.6638, -0.6638, -0.4695),
}
"""What faster-whisper 1.2.1 makes of `chirp`: by band, the frames 0, 10, 50 and 99."""


def chirp() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    t = np.arange(RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * (100 + 1500 * t) * t)).astype(np.float32)


def test_the_spectrogram_is_that_of_the_reference() -> None:
    spectrogram = log_mel(chirp(), 80)
    assert spectrogram.shape == (80, 100)
    for band, levels in CHIRP.items():
        assert spectrogram[band, [0, 10, 50, 99]] == pytest.approx(levels, abs=2e-4)


@pytest.mark.parametrize("count", [0, 1, HOP, 399, 400, 401, 16_001])
def test_sound_of_any_length_has_a_column_for_every_ten_milliseconds(count: int) -> None:
    spectrogram = log_mel(chirp()[:count] if count < RATE else np.zeros(count, np.float32), 128)
    assert spectrogram.shape == (128, count // HOP)
    assert np.isfinite(spectrogram).all()


def test_samples_are_numbers_from_minus_one_to_one() -> None:
    assert samples_of(b"\x00\x80\x00\x00\xff\x7f").tolist() == pytest.approx([-1.0, 0.0, 1.0], abs=1e-4)
