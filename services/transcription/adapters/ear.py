"""One speaker's audio to utterances: where speech begins and ends, and what was said so far."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from pocketsphinx import Vad

from contracts.capture import Bundle
from services.transcription.adapters.messages import Heard, Said, SoFar, Tuning
from services.transcription.adapters.opus import RATE, OpusStream
from services.transcription.adapters.recogniser import Recogniser, Recognisers

FRAME_S: Final = 0.03
FRAME_NS: Final = 30_000_000
_FRAME_BYTES: Final = int(RATE * FRAME_S) * 2
_VAD_MODE: Final = 2
"""0..3; at 0 the detector of pocketsphinx runs on through pauses of half a second."""
_BEFORE: Final = 10
"""Frames kept from before speech was noticed, so that no first consonant is lost."""
_ONSET: Final = 6
_ONSET_SPEECH: Final = 5
"""Speech begins when this many of the last `_ONSET` frames are speech."""
_FIRST_SHOWN: Final = 30
"""Frames before the first partial caption: the first syllable alone reads as "the" more often than not."""


@dataclass(frozen=True, slots=True)
class _Frame:
    samples: bytes
    at_ns: int
    """Wall clock of its beginning."""
    sequence: int
    """Of the bundle its last sample came in."""
    bundle_ns: int


class _Utterance:
    """What is being said now."""

    def __init__(self, frames: list[_Frame], recogniser: Recogniser | None, mean: str | None) -> None:
        self.first = frames[0]
        self.frames = 0
        self.silent = 0
        """Frames of silence at its end."""
        self.shown = ""
        self.shown_at = 0
        self._recogniser = recogniser
        self._kept: list[bytes] = []
        self._new: list[bytes] = []
        self._mean = mean
        if recogniser is not None:
            recogniser.begin(mean)
        for frame in frames:
            self.add(frame.samples, speech=True)

    @property
    def seconds(self) -> float:
        return self.frames * FRAME_S

    def add(self, samples: bytes, *, speech: bool) -> None:
        self.frames += 1
        self.silent = 0 if speech else self.silent + 1
        self._new.append(samples)

    def hear(self) -> None:
        """Hand what is new to the recogniser; keep it where there is none."""
        if self._new:
            samples = b"".join(self._new)
            self._new.clear()
            if self._recogniser is None:
                self._kept.append(samples)
            else:
                self._recogniser.hear(samples)

    def so_far(self) -> str:
        return self._recogniser.so_far() if self._recogniser is not None else ""

    def end(self, recognisers: Recognisers) -> tuple[str, str]:
        self.hear()
        if self._recogniser is None:
            return recognisers.whole(b"".join(self._kept), self._mean)
        result = self._recogniser.end()
        recognisers.give_back(self._recogniser)
        return result


class Ear:
    """One session. Deterministic from the end of an utterance on: nothing but the voice's mean outlives it.

    So an utterance that is heard again after a crash, from where the last stored one ended, has the same id.
    An utterance ends only where a bundle ends, which is why one number per session says how far captions are stored.
    """

    def __init__(self, recognisers: Recognisers, tuning: Tuning) -> None:
        self._recognisers = recognisers
        self._tuning = tuning
        self._opus = OpusStream(tuning.pause_s)
        self._mean: str | None = None
        self._utterance: _Utterance | None = None
        self._listen_anew()

    def _listen_anew(self) -> None:
        self._vad = Vad(_VAD_MODE, RATE, FRAME_S)
        self._before: deque[_Frame] = deque(maxlen=_BEFORE)
        self._recent: deque[bool] = deque(maxlen=_ONSET)
        self._rest = b""

    def hear(self, sequence: int, bundle: Bundle) -> Heard:
        """Take in the bundle that stands at `sequence` in the capture stream."""
        undecodable = self._opus.undecodable
        said: list[Said] = []
        for piece in self._opus.pieces(bundle):
            if piece.after_pause:
                # The frames before the pause belong to the bundles before this one.
                said += self._end(sequence - 1)
            samples = self._rest + piece.samples
            whole = len(samples) // _FRAME_BYTES
            at_ns = piece.arrived_ns - len(samples) * 500_000_000 // RATE
            for index in range(whole):
                chunk = samples[index * _FRAME_BYTES : (index + 1) * _FRAME_BYTES]
                self._frame(_Frame(chunk, at_ns + index * FRAME_NS, sequence, bundle.base_ns))
            self._rest = samples[whole * _FRAME_BYTES :]
        so_far: SoFar | None = None
        if self._utterance is not None:
            self._utterance.hear()
            if bundle.last or self._is_over(self._utterance):
                said += self._end(sequence)
            else:
                so_far = self._news(self._utterance)
        if bundle.last:
            self._listen_anew()
        return Heard(self._needed(), so_far, tuple(said), self._opus.undecodable - undecodable, bundle.last)

    def flush(self, sequence: int) -> Heard:
        """Nothing arrives any more: end what is being said. `sequence` is that of the last bundle heard."""
        said = tuple(self._end(sequence))
        self._listen_anew()
        return Heard(None, None, said, 0)

    def _needed(self) -> int | None:
        """The oldest bundle that must be heard again if everything in memory were lost; None where none must."""
        if self._utterance is not None:
            return self._utterance.first.sequence
        return self._before[0].sequence if self._before else None

    def _frame(self, frame: _Frame) -> None:
        speech = self._vad.is_speech(frame.samples)
        if self._utterance is not None:
            self._utterance.add(frame.samples, speech=speech)
            return
        self._before.append(frame)
        self._recent.append(speech)
        if sum(self._recent) >= _ONSET_SPEECH:
            self._utterance = _Utterance(list(self._before), self._recognisers.lend(), self._mean)
            self._before.clear()
            self._recent.clear()

    def _is_over(self, utterance: _Utterance) -> bool:
        tuning = self._tuning
        silence = utterance.silent * FRAME_S
        if utterance.seconds >= tuning.long_s:
            # It has become long: a short breath is reason enough, and at some time none is needed.
            return silence >= tuning.breath_s or utterance.seconds >= tuning.longest_s
        return silence >= tuning.silence_s

    def _news(self, utterance: _Utterance) -> SoFar | None:
        every = round(self._tuning.partial_every_s / FRAME_S)
        if utterance.frames < (utterance.shown_at + every if utterance.shown else _FIRST_SHOWN):
            return None
        text = utterance.so_far()
        if not text or text == utterance.shown:
            return None
        utterance.shown, utterance.shown_at = text, utterance.frames
        return SoFar(utterance.first.bundle_ns, utterance.first.at_ns, text)

    def _end(self, sequence: int) -> list[Said]:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return []
        text, self._mean = utterance.end(self._recognisers)
        self._listen_anew()
        start_ns = utterance.first.at_ns
        end_ns = start_ns + (utterance.frames - utterance.silent) * FRAME_NS
        return [Said(utterance.first.bundle_ns, start_ns, end_ns, text, sequence)] if text else []
