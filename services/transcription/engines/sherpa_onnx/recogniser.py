"""A streaming transducer: each piece of sound is recognised as it comes, and words that were shown stay."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from services.transcription import engines
from services.transcription.engines import RATE

_MARGIN_S: Final = 0.8
"""Silence after what was said: an encoder gives words up to half a second after it has heard them."""
_TOKEN_S: Final = 0.2
"""How long the last piece of a word is taken to last, of which only the beginning is known."""
_BEGINS: Final = (" ", "▁")
"""What a piece of text begins with that begins a word."""
_WITHOUT_SPACES: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff]")
"""Lao, Thai, Burmese, Khmer, Japanese, Chinese."""


class Recogniser(engines.Recogniser):
    """The transducer of one worker process."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """`files` by what they are. Raises RuntimeError, OSError, ValueError for those that cannot be loaded."""
        paths = {part: str(files[part]) for part in ("tokens", "encoder", "decoder", "joiner")}
        # Words can be made more likely only where several ways to understand a sound are kept.
        pieces = files.get("pieces")
        search = (
            {"decoding_method": "greedy_search"}
            if pieces is None
            else {"decoding_method": "modified_beam_search", "modeling_unit": "bpe", "bpe_vocab": str(pieces)}
        )
        self.model = sherpa_onnx.OnlineRecognizer.from_transducer(**paths, **search, num_threads=1, sample_rate=RATE)
        tokens = [line.split()[0] for line in files["tokens"].read_text(encoding="utf-8").splitlines()]
        letters = {letter for token in tokens if not token.startswith("<") for letter in token}
        self._letters = letters if pieces is not None else set()
        self._lower = any(letter.islower() for letter in letters)

    def session(self) -> Session:
        return Session(self)

    def stream(self, vocabulary: str) -> sherpa_onnx.OnlineStream:
        """Begin an utterance, in which the vocabulary is more likely than other words as far as it can be written."""
        words = (word.strip() for word in vocabulary.split(","))
        written = [word if self._lower else word.upper() for word in words]
        known = [word for word in written if word and self._letters.issuperset(word.replace(" ", ""))]
        return self.model.create_stream("/".join(known)) if known else self.model.create_stream()


class Session(engines.Session):
    """One speaker. Nothing is learnt of the voice."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._model = recogniser.model
        self.begin()

    def begin(self, hints: engines.Hints = engines.NO_HINTS) -> None:
        self._lang = "en" if hints.lang == engines.AUTO else hints.lang
        self._stream = self._recogniser.stream(hints.vocabulary)
        self._heard_s = 0.0

    def feed(self, samples: bytes) -> None:
        heard = np.frombuffer(samples, "<i2").astype(np.float32) / np.float32(32768)
        self._heard_s += len(heard) / RATE
        self._decode(heard)

    def partial(self) -> str:
        return _readable(self._model.get_result(self._stream))

    def pause(self) -> None:
        """Nothing to prepare: most of the work is done while somebody speaks."""

    def final(self) -> engines.Recognised:
        if self._heard_s:
            self._decode(np.zeros(int(_MARGIN_S * RATE), np.float32))
            self._stream.input_finished()
        result = self._model.get_result_all(self._stream)
        text = _readable(result.text.strip())
        words = _words(text, result.tokens, result.timestamps, result.ys_probs, self._heard_s)
        recognised = engines.Recognised(text, words, self._lang)
        self.drop()
        return recognised

    def drop(self) -> None:
        self.begin()

    def _decode(self, samples: NDArray[np.float32]) -> None:
        self._stream.accept_waveform(RATE, samples)
        while self._model.is_ready(self._stream):
            self._model.decode_stream(self._stream)


def _readable(text: str) -> str:
    """Words as a caption shows them; many transducers know capitals only."""
    return engines.sentence(text.lower() if text.isupper() else text)


def _words(
    text: str, tokens: Sequence[str], starts: Sequence[float], scores: Sequence[float], seconds: float
) -> tuple[engines.Word, ...]:
    """The words of a text, from its pieces, when each began and how likely it was (as logarithms)."""
    begins = [
        at for at, token in enumerate(tokens) if not at or token[:1] in _BEGINS or _WITHOUT_SPACES.match(token)
    ]  # fmt: skip
    written = text.split() if " " in text or len(begins) == 1 else [token.strip() for token in tokens]
    if len(written) != len(begins) or len(starts) != len(tokens):
        return ()  # written in another way than piece by piece
    words = []
    for number, (word, first) in enumerate(zip(written, begins, strict=True)):
        after = begins[number + 1] if number + 1 < len(begins) else len(tokens)
        start_s = min(starts[first], seconds)
        end_s = min(starts[after - 1] + _TOKEN_S, *starts[after : after + 1], seconds)
        said = scores[first:after] if len(scores) == len(tokens) else ()
        sure = min(1.0, math.exp(sum(said) / len(said))) if said else None
        words.append(engines.Word(word, start_s, max(start_s, end_s), sure))
    return tuple(words)
