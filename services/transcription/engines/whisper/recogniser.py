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
    PATIENT,
    WINDOW_S,
    Decoded,
    Decoder,
    broken_off,
    doubtful,
    once,
    plain_words,
    recites,
    repeats,
    too_many,
)
from services.transcription.engines.whisper.features import levelled, samples_of
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


@dataclass(frozen=True, slots=True)
class _Heard:
    """What an attempt heard."""

    decoded: Decoded
    encoded: ctranslate2.StorageView
    words: Sequence[str]
    """There are none where the model believes that nobody speaks."""


_LEAST_S: Final = 8.0
"""In windows of 2 s and margin, more words are wrong in utterances of one to six: 41 % instead of 32 %, and 22 %
without timestamps (64 pieces of sentences)."""
_ATTEMPTS: Final = (
    _Attempt(_MARGIN_S, _LEAST_S, timestamps=True),
    _Attempt(2 * _MARGIN_S, _LEAST_S + _MARGIN_S, timestamps=True),
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
"""With a higher probability than this, loops and unlikely words that are recited from the vocabulary are a tone or
music: loops had 0.51 and more there, and at most 0.15 in a second or more of speech."""
_SOMEBODY: Final = 0.8
"""Probability that nobody speaks with which the first words may be shown all the same: many people's first words look
so to the quick weights."""
_UNLIKELY_AT_FIRST: Final = 1.1
"""They are shown with no more than this of what `_unlikely` tells. None of 396 beginnings of tones and noise that the
voice detector took for speech had words to show then."""
_CLEAR_FROM_S: Final = 0.65
"""Seconds of an utterance before which nothing is shown at once: shorter ones are often misheard."""
_SOON_S: Final = 0.75
"""Up to this length,"""
_UNLIKELY_SO_SOON: Final = 0.35
"""no more than this of the same is shown. Of 25 beginnings by a person 13 were shown with a wrong first word without
this, and 4 with it; with a decode that takes 0.1 s, words were shown 0.46 and 0.50 s after the first word (median)."""
_NOTHING: Final = -0.6
"""Mean log probability of a token below which it does not believe its words either."""
_TOO_UNLIKELY: Final = 1.25
"""Probability that nobody speaks, and a quarter of how unlikely the words are: tones and noise have more than this
where speech, in pieces of words too, has at most 1.15. Unlikely words alone prove little: a short reply is unlikely."""
_LITTLE_S: Final = 0.9
"""Of utterances shorter than this, with half a second of speech and what is kept around it,"""
_TOO_UNLIKELY_IN_LITTLE: Final = 0.6
"""this much of the same is enough: a piece of a word is written as another word. Words said alone, by four voices, had
at most 0.56, also at -40 dBFS."""
_UNLIKELY_IN_LITTLE: Final = 0.45
"""With more than this the quick weights must hear the same words. Of 49 pieces of 0.15 to 0.4 s, 21 had at most the
limit above, and 9 are captions with this; of 71 words said alone, all and 67."""
_ONE_PHRASE_S: Final = 1.5
"""In a shorter utterance, with a second of speech, nobody says a phrase twice; Whisper did with 20 of 66 words that
were said once."""
_SLOWLY_PER_S: Final = 2.0
"""Words that are said in a second, at least, unless a final result may have been broken off. Whether it was is told by
the quick weights, which take a tenth of a second."""
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
        # Told words that may be said, the quick weights hear nothing in a second or two of some people's speech.
        vocabulary = self._hints.vocabulary if self._agreement.text else ""
        decoded = quick.decode(
            quick.encode(samples, seconds + _MARGIN_S), seconds, lang="en", vocabulary=vocabulary, prompt=_PROMPT,
            at_most=_SHOWN_AT_LEAST + int(seconds * _SHOWN_PER_S),
        )  # fmt: skip
        text = once(decoded.text)
        wrong = not plain_words(text) or doubtful(text, seconds) or may_be_a_tone(decoded, vocabulary)
        return self._agreement.show("" if wrong else text, clear=is_clear(decoded, seconds))

    def pause(self) -> None:
        if self._prepared is None:
            self._prepared = self._recognise(self._samples(), patience=1.0)

    def final(self) -> engines.Recognised:
        recognised, self._prepared = self._prepared, None
        if recognised is None:
            recognised = self._recognise(self._samples(), patience=PATIENT)
        self._pcm.clear()
        return recognised

    def drop(self) -> None:
        self._pcm.clear()
        self._prepared = None

    def _samples(self) -> NDArray[np.float32]:
        return levelled(samples_of(bytes(self._pcm)))

    def _recognise(self, samples: NDArray[np.float32], patience: float) -> engines.Recognised:
        decoder, seconds = self._recogniser.final, len(samples) / RATE
        lang = self._detected or self._hints.lang
        if not len(samples):
            return engines.Recognised("", lang="en" if lang == engines.AUTO else lang)
        doubted: list[_Heard] = []
        lacking: _Heard | None = None
        for window_s, timestamps in attempts_at(seconds):
            encoded = decoder.encode(samples, window_s)
            if lang == engines.AUTO:
                lang, sure = decoder.language(encoded)
                if sure >= _SURE and seconds >= _LONG_ENOUGH_S:
                    self._detected = lang
            decoded = decoder.decode(
                encoded, seconds, lang=lang, vocabulary=self._hints.vocabulary, beam=_BEAM, patience=patience,
                timestamps=timestamps,
            )  # fmt: skip
            if seconds < _ONE_PHRASE_S and not doubtful(decoded.text, seconds):
                decoded = decoder.said_once(decoded)
            nothing = not doubted and (
                is_nothing(decoded, seconds, self._hints.vocabulary) or self._is_made_up(decoded, samples, lang)
            )
            heard = _Heard(decoded, encoded, [] if nothing else plain_words(decoded.text))
            agreed = any(heard.words == other.words for other in doubted) and not too_many(heard.words, seconds)
            lost = not heard.words or doubtful(decoded.text, seconds) or repeats(decoded.text)
            if lost and not nothing and not agreed:
                doubted.append(heard)
            elif lacking is None and not agreed and self._is_broken_off(heard, samples, lang):
                lacking = heard
            else:
                best = heard if lacking is None else max(heard, lacking, key=lambda heard: len(heard.words))
                return self._recognised(best, seconds, lang) if best.words else engines.Recognised("", lang=lang)
        if lacking is not None:
            if not lacking.words:
                return engines.Recognised("", lang=lang)
            doubted.append(lacking)
        return self._unlooped(doubted, samples, lang)

    def _is_broken_off(self, heard: _Heard, samples: NDArray[np.float32], lang: str) -> bool:
        if len(heard.words) >= _SLOWLY_PER_S * len(samples) / RATE:
            return False
        return broken_off(heard.words, plain_words(self._quickly(samples, lang)))

    def _is_made_up(self, decoded: Decoded, samples: NDArray[np.float32], lang: str) -> bool:
        """Whether the quick weights hear other words in so little speech that hardly any can be told."""
        quick, seconds = self._recogniser.quick, len(samples) / RATE
        if quick is None or lang != "en" or seconds >= _LITTLE_S or _unlikely(decoded) <= _UNLIKELY_IN_LITTLE:
            return False
        other = quick.decode(
            quick.encode(samples, seconds + _MARGIN_S), seconds, lang="en", vocabulary=self._hints.vocabulary,
            prompt=_PROMPT, timestamps=False,
        )  # fmt: skip
        return plain_words(once(other.text)) != plain_words(once(decoded.text))

    def _quickly(self, samples: NDArray[np.float32], lang: str) -> str:
        """The words of the whole utterance by the quick weights; empty where they hear no clear speech.

        What was shown is not asked: that depends on how busy the machine is, and a final result must be the same when
        the utterance is recognised again.
        """
        quick, seconds = self._recogniser.quick, len(samples) / RATE
        if quick is None or lang != "en":
            return ""
        decoded = quick.decode(
            quick.encode(samples, seconds + _MARGIN_S), seconds, lang="en", vocabulary=self._hints.vocabulary,
            prompt=_PROMPT,
        )  # fmt: skip
        text = once(decoded.text)
        return "" if decoded.no_speech >= _SPEECH or doubtful(text, seconds) else text

    def _unlooped(self, doubted: Sequence[_Heard], samples: NDArray[np.float32], lang: str) -> engines.Recognised:
        """Speech in which all attempts lost their way: the best of them without its loop, else the quick weights'."""
        seconds = len(samples) / RATE
        for heard in sorted(doubted, key=lambda heard: heard.decoded.score, reverse=True):
            said = self._recogniser.final.unlooped(heard.decoded)
            words = plain_words(said.text)
            if words and not doubtful(said.text, seconds):
                return self._recognised(_Heard(said, heard.encoded, words), seconds, lang)
        return engines.Recognised(self._quickly(samples, lang), lang=lang)

    def _recognised(self, heard: _Heard, seconds: float, lang: str) -> engines.Recognised:
        words = self._recogniser.final.words(heard.encoded, heard.decoded.ids, seconds, lang=lang)
        return engines.Recognised(heard.decoded.text, words, lang, self._detected is not None)


def attempts_at(seconds: float) -> Sequence[tuple[float, bool]]:
    """(length of the window in seconds, with timestamps) of each attempt at an utterance of this length.

    No two are the same: they would agree, and so be believed.
    """
    attempts = _SHORT if seconds < _SHORT_S else _ATTEMPTS
    windows = ((min(max(seconds + a.margin_s, a.least_s), WINDOW_S), a.timestamps) for a in attempts)
    return tuple(dict.fromkeys(windows))


def may_be_a_tone(decoded: Decoded, vocabulary: str) -> bool:
    """Whether what the quick weights hear is better not shown yet."""
    text = decoded.text
    if decoded.no_speech > _SPEECH and (once(text) != text or recites(text, vocabulary)):
        return True
    return decoded.no_speech > _NO_SPEECH and (decoded.no_speech > _SOMEBODY or _unlikely(decoded) > _UNLIKELY_AT_FIRST)


def is_clear(decoded: Decoded, seconds: float) -> bool:
    """Whether what the quick weights hear can be shown before another decode agrees."""
    limit = _UNLIKELY_SO_SOON if seconds < _SOON_S else _UNLIKELY_AT_FIRST
    return seconds >= _CLEAR_FROM_S and _unlikely(decoded) <= limit


def is_nothing(decoded: Decoded, seconds: float, vocabulary: str) -> bool:
    """Whether the model neither hears anybody nor believes itself."""
    text = decoded.text
    empty = once(text) != text or recites(text, vocabulary)
    if decoded.no_speech > _SPEECH and (doubtful(text, seconds) or (empty and decoded.score < _NOTHING)):
        return True
    if decoded.no_speech > _NO_SPEECH:
        return decoded.score < _NOTHING or not plain_words(text)
    limit = _TOO_UNLIKELY_IN_LITTLE if seconds < _LITTLE_S else _TOO_UNLIKELY
    return _unlikely(decoded) > limit


def _unlikely(decoded: Decoded) -> float:
    """The probability that nobody speaks, and a quarter of how unlikely the words are."""
    return decoded.no_speech - decoded.score / 4
