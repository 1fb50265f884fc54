"""Two passes over an utterance: quick weights show its words while it is said, better ones decide at its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import ctranslate2
import numpy as np
from numpy.typing import NDArray

from services.transcription import engines
from services.transcription.engines import RATE
from services.transcription.engines.whisper.agreement import Agreement
from services.transcription.engines.whisper.decoder import (
    WINDOW_S,
    Decoded,
    Decoder,
    doubtful,
    once,
    plain_words,
    repeats,
)
from services.transcription.engines.whisper.features import samples_of
from services.transcription.engines.whisper.weights import Files

_MARGIN_S: Final = 2.0
"""Silence after what was said: with less, words are repeated."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A way to decode an utterance."""

    margin_s: float
    """Silence after what was said,"""
    least_s: float
    """or as much more as makes this length in all."""
    timestamps: bool


_LEAST_S: Final = 8.0
"""In windows of 2 s and margin, more words are wrong in utterances of one to six: 41 % instead of 32 %, and 22 %
without timestamps (64 pieces of sentences)."""
_ATTEMPTS: Final = (
    _Attempt(_MARGIN_S, _LEAST_S, timestamps=True),
    _Attempt(2 * _MARGIN_S, _LEAST_S, timestamps=True),
    _Attempt(_MARGIN_S, WINDOW_S, timestamps=True),
)
"""At a final result, each at a higher cost; the last is what the model was trained for."""
_SHORT_S: Final = 3.0
_SHORT: Final = (_Attempt(_MARGIN_S, _LEAST_S, timestamps=False), *_ATTEMPTS)
"""At that of a shorter utterance. Timestamps invite the model to fill the silence with the same words again."""
_PROMPT: Final = 100
"""Tokens of the vocabulary at most before partial results, where each costs time several times a second."""
_BEAM: Final = 5
_SHOWN_AT_LEAST: Final = 4
_SHOWN_PER_S: Final = 8
"""Tokens of a partial result: hardly more than can be said, as a loop costs more than the words."""
_NO_SPEECH: Final = 0.6
"""Probability above which the model believes that nobody speaks (the figure of Whisper's authors)."""
_SPEECH: Final = 0.4
"""The first words of an utterance are shown at once if the model gives silence a lower probability than this."""
_CLEAR_FROM_S: Final = 0.5
"""Seconds of an utterance before which nothing is shown at once: shorter ones are often misheard."""
_NOTHING: Final = -0.6
"""Mean log probability of a token below which it does not believe its words either."""
_TOO_UNLIKELY: Final = 1.25
"""Probability that nobody speaks, and a quarter of how unlikely the words are: tones and noise have more than this
where speech, in pieces of words too, has at most 1.15. Unlikely words alone prove little: a short reply is unlikely."""
_SURE: Final = 0.6
"""Probability from which on a detected language is remembered,"""
_LONG_ENOUGH_S: Final = 1.5
"""from an utterance of this length."""


class Recogniser(engines.Recogniser):
    """The weights of one worker process."""

    def __init__(self, final: Files, partial: Files | None, languages: Collection[str]) -> None:
        """Raises RuntimeError, OSError, msgspec.MsgspecError for weights that cannot be loaded."""
        self.final = Decoder(final)
        self.quick = None if partial is None else Decoder(partial)
        self.languages = frozenset(languages)

    def session(self) -> Session:
        return Session(self)


class Session(engines.Session):
    """One speaker. What it learns of them is the language they speak, where that is to be found out."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._detected: str | None = None
        self.begin()

    def begin(self, hints: engines.Hints = engines.NO_HINTS) -> None:
        self._hints = hints
        if hints.lang != engines.AUTO:
            self._detected = None
        self._pcm = bytearray()
        self._agreement = Agreement()
        self._prepared: engines.Recognised | None = None

    def feed(self, samples: bytes) -> None:
        self._pcm += samples
        self._prepared = None

    def partial(self) -> str:
        quick = self._recogniser.quick
        if quick is None or (self._detected or self._hints.lang) != "en":
            return ""
        samples = self._samples()
        seconds = len(samples) / RATE
        decoded = quick.decode(
            quick.encode(samples, _MARGIN_S), seconds, lang="en", vocabulary=self._hints.vocabulary, prompt=_PROMPT,
            at_most=_SHOWN_AT_LEAST + int(seconds * _SHOWN_PER_S),
        )  # fmt: skip
        text = once(decoded.text)
        # The first words alone always look unlikely; that two decodes agree on them is enough.
        wrong = decoded.no_speech > _NO_SPEECH or doubtful(text, seconds)
        clear = decoded.no_speech < _SPEECH and seconds >= _CLEAR_FROM_S
        return self._agreement.show("" if wrong else text, clear=clear)

    def pause(self) -> None:
        if self._prepared is None:
            self._prepared = self._recognise(self._samples())

    def final(self) -> engines.Recognised:
        self.pause()
        recognised, self._prepared = self._prepared, None
        assert recognised is not None
        self._pcm.clear()
        return recognised

    def drop(self) -> None:
        self._pcm.clear()
        self._prepared = None

    def _samples(self) -> NDArray[np.float32]:
        return samples_of(bytes(self._pcm))

    def _recognise(self, samples: NDArray[np.float32]) -> engines.Recognised:
        decoder, seconds = self._recogniser.final, len(samples) / RATE
        lang = self._detected or self._hints.lang
        if not len(samples):
            return engines.Recognised("", lang="en" if lang == engines.AUTO else lang)
        doubted: list[tuple[Decoded, ctranslate2.StorageView]] = []
        for attempt in _SHORT if seconds < _SHORT_S else _ATTEMPTS:
            encoded = decoder.encode(samples, attempt.margin_s, attempt.least_s)
            if lang == engines.AUTO:
                lang, sure = decoder.language(encoded)
                if sure >= _SURE and seconds >= _LONG_ENOUGH_S:
                    self._detected = lang
            decoded = decoder.decode(
                encoded, seconds, lang=lang, vocabulary=self._hints.vocabulary, beam=_BEAM,
                timestamps=attempt.timestamps,
            )  # fmt: skip
            if not doubted and _is_nothing(decoded, seconds):
                return engines.Recognised("", lang=lang)
            words = plain_words(decoded.text)
            agreed = any(words == plain_words(other.text) for other, _ in doubted)
            if agreed and not words:
                return engines.Recognised("", lang=lang)
            if agreed or (words and not doubtful(decoded.text, seconds) and not repeats(decoded.text)):
                return self._recognised(decoded, encoded, seconds, lang)
            doubted.append((decoded, encoded))
        return self._unlooped(doubted, seconds, lang)

    def _unlooped(
        self, doubted: Sequence[tuple[Decoded, ctranslate2.StorageView]], seconds: float, lang: str
    ) -> engines.Recognised:
        """Speech in which all attempts lost their way: the best of them without its loop, else what was shown."""
        decoder = self._recogniser.final
        for decoded, encoded in sorted(doubted, key=lambda doubted: doubted[0].score, reverse=True):
            said = decoder.unlooped(decoded)
            if plain_words(said.text) and not doubtful(said.text, seconds):
                return self._recognised(said, encoded, seconds, lang)
        return engines.Recognised(self._agreement.text, lang=lang)

    def _recognised(
        self, decoded: Decoded, encoded: ctranslate2.StorageView, seconds: float, lang: str
    ) -> engines.Recognised:
        words = self._recogniser.final.words(encoded, decoded.ids, seconds, lang=lang)
        return engines.Recognised(decoded.text, words, lang, self._detected is not None)


def _is_nothing(decoded: Decoded, seconds: float) -> bool:
    """Whether the model neither hears anybody nor believes itself."""
    if decoded.no_speech > _NO_SPEECH:
        unlikely = decoded.score < _NOTHING or doubtful(decoded.text, seconds)
        return unlikely or not plain_words(decoded.text)
    return decoded.no_speech - decoded.score / 4 > _TOO_UNLIKELY
