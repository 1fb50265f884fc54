"""An open microphone: speech while somebody talks, the quiet of a room otherwise, encoded and levelled by aiortc."""

from __future__ import annotations

import asyncio
import fractions
import time
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from aiortc import MediaStreamTrack
from numpy.typing import NDArray

from tests.support.waiting import pace

RATE: Final = 48_000
FRAME: Final = 960
_SPEECH: Final = Path(__file__).parents[2] / "infra" / "demo" / "speech"
_QUIET: Final = np.resize(np.array([1, -1], np.int16), FRAME)
"""About -90 dBov: below what is forwarded."""
_PAUSE: Final = 0.2
"""Seconds without a reader after which the microphone was unplugged, and is not late."""


def voice(name: str) -> NDArray[np.int16]:
    """The carried speech of one voice (`slt`, `rms`, `awb`), mono at 48 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(_SPEECH / f"{name}.flac")) as container:
        parts = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    speech: NDArray[np.int16] = np.concatenate(parts, axis=1)[0].astype(np.int16)
    return speech


class Microphone(MediaStreamTrack):
    """Frames of 20 ms by the clock. May be given to another connection after the first is closed."""

    kind = "audio"

    def __init__(self, speech: NDArray[np.int16], *, begin: float = 0.0) -> None:
        """Says `speech` round and round, from `begin` seconds on."""
        super().__init__()
        self.silence = asyncio.Event()
        """Set while nobody talks."""
        self.silence.set()
        self.late_ms: list[float] = []
        """By how much each frame missed its time: what a busy machine does to the sender."""
        self._speech = speech
        self._at = round(begin * RATE)
        self._left = 0
        self._next = 0.0
        self._pts = 0

    def talk(self, seconds: float) -> None:
        """Begins to talk; `silence` is set when it has been said."""
        self._left = round(seconds * RATE / FRAME)
        self.silence.clear()

    async def recv(self) -> Any:
        now = time.monotonic()
        if now - self._next > _PAUSE:
            if self._next:
                self._pts += round((now - self._next) * RATE / FRAME) * FRAME
            self._next = now
        await pace(self._next)
        self.late_ms.append((time.monotonic() - self._next) * 1000)
        self._next += FRAME / RATE
        frame = av.AudioFrame.from_ndarray(self._samples().reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self._pts
        frame.time_base = fractions.Fraction(1, RATE)
        self._pts += FRAME
        return frame

    def _samples(self) -> NDArray[np.int16]:
        if not self._left:
            self.silence.set()
            return _QUIET
        self._left -= 1
        self._at += FRAME
        words: NDArray[np.int16] = np.take(self._speech, range(self._at - FRAME, self._at), mode="wrap")
        return words
