"""One set of Whisper weights in CTranslate2, on one thread.

Whisper was made for windows of 30 s. It takes shorter ones, which cost less, as long as some silence follows what was
said: without it words are repeated or invented, which `doubtful` tells.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import ctranslate2
import numpy as np
from numpy.typing import NDArray

from services.transcription.engines import RATE, Word
from services.transcription.engines.whisper.features import HOP, log_mel
from services.transcription.engines.whisper.tokens import Tokens
from services.transcription.engines.whisper.weights import Files
from services.transcription.engines.whisper.word_times import word_times

_FRAMES_PER_S: Final = RATE // HOP
WINDOW_S: Final = 30.0
"""What the model takes at most."""
PROMPT: Final = 200
"""Tokens at most, a list of 50 words or so; the model takes 223."""
_TOKENS_AT_LEAST: Final = 16
_TOKENS_PER_S: Final = 12
"""Far more than anybody says. It bounds what a loop costs."""
PATIENT: Final = 2.0
"""Ends that a beam search waits for, by beam (Kasai et al., 2022), where a sentence is cut off. With one for each, five
that broke off after a few words could be found before the one that had all of them: of 42 sentences that a mute cut, 4
lost words. With one, a final result takes a fifth less, and sentences that end in silence have the same words: 26 of
604 were wrong either way."""
_WORDS_AT_LEAST: Final = 3
_WORDS_PER_S: Final = 5.5
"""Quicker than all but the quickest speak."""
_COMPRESSED: Final = 2.4
"""Text that zlib makes smaller than this is a loop (the figure is that of Whisper's authors)."""
_REPEATED: Final = 5
"""Words of a phrase that nobody says twice in one breath; where somebody does, all attempts at it agree."""
_REPEATED_AT_ONCE: Final = 2
"""Words of a phrase that is seldom said again at once."""
_REPETITIONS: Final = 3
"""How often a single word is said without another between, at most: no, no, no."""
_RECITED: Final = 3
"""Words of a vocabulary, one after another, that are hardly said by chance."""
_LACKS_WORDS: Final = 2
_LACKS_SHARE: Final = 0.7
"""A final result lacks words with so many fewer than the quick weights heard, and less than this share of them."""
_LONGEST_PHRASE: Final = 30
"""Words of a repeated phrase that is looked for."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the model made of a window."""

    ids: list[int]
    text: str
    score: float
    """Mean log probability of a token."""
    no_speech: float
    """Probability that nobody speaks."""


class Decoder:
    """Loaded weights. They may be used by one thread at a time."""

    def __init__(self, files: Files) -> None:
        """Raises RuntimeError, OSError, msgspec.MsgspecError for weights that cannot be loaded."""
        content = {name: b"".join(part.read_bytes() for part in parts) for name, parts in files.items()}
        self._model = ctranslate2.models.Whisper(
            "whisper", device="cpu", compute_type="int8", inter_threads=1, intra_threads=1, files=content
        )
        self._tokens = Tokens(content["tokenizer.json"])
        self._multilingual = self._model.is_multilingual

    def encode(self, samples: NDArray[np.float32], window_s: float) -> ctranslate2.StorageView:
        """Encode samples, and silence after them up to `window_s` in all; at most 30 s of either."""
        features = log_mel(samples[: int(WINDOW_S * RATE)], self._model.n_mels)
        silence = round(min(window_s, WINDOW_S) * _FRAMES_PER_S) - features.shape[1]
        features = np.pad(features, ((0, 0), (0, max(0, silence))))
        return self._model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(features[None])))

    def language(self, encoded: ctranslate2.StorageView) -> tuple[str, float]:
        """The most likely language and its probability."""
        if not self._multilingual:
            return "en", 1.0
        token, probability = self._model.detect_language(encoded)[0][0]
        return token.removeprefix("<|").removesuffix("|>"), probability

    def decode(
        self, encoded: ctranslate2.StorageView, seconds: float, *, lang: str, vocabulary: str = "",
        beam: int = 1, patience: float = 1.0, prompt: int = PROMPT, at_most: int | None = None, timestamps: bool = True,
    ) -> Decoded:  # fmt: skip
        """Decode a window of which `seconds` are sound, with up to `prompt` tokens of the vocabulary before it.

        The result has `at_most` tokens; by default far more than can be said. With `timestamps` the model may also
        write when things are said.
        """
        if at_most is None:
            at_most = _TOKENS_AT_LEAST + int(seconds * _TOKENS_PER_S)
        start = self._start(lang)
        if not timestamps:
            start.append(self._tokens.special["<|notimestamps|>"])
        if vocabulary:
            words = self._tokens.encode(f" {vocabulary}.")[:prompt]
            start = [self._tokens.special["<|startofprev|>"], *words, *start]
        result = self._model.generate(
            encoded, [start], beam_size=beam, patience=patience, return_scores=True,
            return_no_speech_prob=True, max_length=len(start) + at_most,
        )[0]  # fmt: skip
        ids = [id for id in result.sequences_ids[0] if id < self._tokens.end]
        return Decoded(ids, self._tokens.decode(ids).strip(), result.scores[0], result.no_speech_prob)

    def unlooped(self, decoded: Decoded) -> Decoded:
        """The same without phrases that repeat at once."""
        words = self._tokens.words(decoded.ids)
        places = without_repetitions([" ".join(plain_words(self._tokens.decode(word))) for word in words])
        ids = [id for place in places for id in words[place]]
        return replace(decoded, ids=ids, text=self._tokens.decode(ids).strip())

    def said_once(self, decoded: Decoded) -> Decoded:
        """The same as `once` makes of its text."""
        count = len(once(decoded.text).split())
        ids = [id for word in self._tokens.words(decoded.ids)[:count] for id in word]
        return replace(decoded, ids=ids, text=self._tokens.decode(ids).strip())

    def words(
        self, encoded: ctranslate2.StorageView, ids: Sequence[int], seconds: float, *, lang: str
    ) -> tuple[Word, ...]:
        """When each word was said, from where the decoder looked while it wrote it, and how sure it was."""
        words = self._tokens.words(ids)
        if not words:
            return ()
        frames = int(seconds * _FRAMES_PER_S)
        aligned = self._model.align(encoded, self._start(lang), [list(ids)], frames)[0]
        said = [(self._tokens.decode(word).strip(), len(word)) for word in words]
        return word_times(said, aligned.alignments, aligned.text_token_probs, seconds)

    def _start(self, lang: str) -> list[int]:
        special = self._tokens.special
        if not self._multilingual:
            return [special["<|startoftranscript|>"]]
        return [special["<|startoftranscript|>"], special[f"<|{lang}|>"], special["<|transcribe|>"]]


def once(text: str) -> str:
    """A text that is nothing but one phrase again and again, said once.

    So Whisper fills the silence after the first words that somebody says; the words themselves are mostly right.
    """
    words = text.split()
    keys = [re.sub(r"[^\w']", "", word.lower()) for word in words]
    for length in range(1, len(words) // 2 + 1):
        *whole, last = (at % length for at in range(len(words)))
        if all(keys[n] == keys[at] for n, at in enumerate(whole)) and keys[last].startswith(keys[-1]):
            return " ".join(words[:length])
    return text


def doubtful(text: str, seconds: float) -> bool:
    """Whether a text looks as what Whisper writes when it loses its way: a loop, or more than can be said."""
    words = plain_words(text)
    if too_many(words, seconds):
        return True
    data = text.encode()
    if len(data) > _COMPRESSED * len(zlib.compress(data)):
        return True
    phrases = [tuple(words[at : at + _REPEATED]) for at in range(len(words) - _REPEATED + 1)]
    return len(set(phrases)) < len(phrases)


def too_many(words: Sequence[str], seconds: float) -> bool:
    """Whether nobody can say so many words in this time."""
    return len(words) > _WORDS_AT_LEAST + seconds * _WORDS_PER_S


def recites(text: str, vocabulary: str) -> bool:
    """Whether words follow each other as in the vocabulary that the model was told."""
    words, told = plain_words(text), f" {' '.join(plain_words(vocabulary))} "
    runs = (words[at : at + _RECITED] for at in range(len(words) - _RECITED + 1))
    return any(f" {' '.join(run)} " in told for run in runs)


def broken_off(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a final result has far fewer words than others that were heard in the same utterance."""
    return len(others) - len(words) >= _LACKS_WORDS and len(words) < _LACKS_SHARE * len(others)


def repeats(text: str) -> bool:
    """Whether a phrase is said again at once, as people do, and Whisper where little was said."""
    words = plain_words(text)
    return len(without_repetitions(words)) < len(words)


def without_repetitions(words: Sequence[str]) -> list[int]:
    """Find the places of the words that are left when a phrase that repeats at once is kept only once."""
    kept = list(range(len(words)))
    for length in range(1, min(len(words) // 2, _LONGEST_PHRASE) + 1):
        times = 1 + (_REPETITIONS if length < _REPEATED_AT_ONCE else 1)
        left: list[int] = []
        for place in kept:
            left.append(place)
            said = [words[at] for at in left[-length * times :]]
            if len(said) == length * times and said == said[:length] * times:
                del left[-length:]
        if len(left) < len(kept) and length >= _REPEATED_AT_ONCE:
            left = left[: len(left) - _begun(words, left, length)]
        kept = left
    return kept


def _begun(words: Sequence[str], places: Sequence[int], length: int) -> int:
    """How many words at the end begin a repetition of the phrase of this length before them."""
    said = [words[at] for at in places]
    begun = (n for n in range(min(length, len(said)) - 1, 0, -1) if said[-n:] == said[-n - length : -length])
    return next(begun, 0)


def plain_words(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation."""
    return re.sub(r"[^\w' ]", " ", text.lower()).split()
