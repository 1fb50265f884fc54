"""Whisper's weights: those that set-up installs, or a folder with any CTranslate2 conversion of Whisper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from services.transcription import engines
from services.transcription.engines.whisper.folder import files_in
from services.transcription.engines.whisper.weights import BASE, TINY_EN, Files, Weights

if TYPE_CHECKING:
    from services.transcription.engines.whisper.recogniser import Recogniser

_ENGLISH: Final = frozenset({"en"})
_ENGLISH_TOKENS: Final = 50257
_LANGUAGE: Final = 2, 3
"""Letters in the name of a language among the special tokens: `<|en|>`, `<|haw|>`."""


class _Added(msgspec.Struct):
    content: str


class _Tokenizer(msgspec.Struct):
    added_tokens: list[_Added]
    model: dict[str, msgspec.Raw]


class Model(engines.Model):
    """Weights for finals, and, for English, quicker ones for partials."""

    preference: ClassVar[int] = 10

    def __init__(self, folder: Path | None, var: Path) -> None:
        """Raises ModelError naming the file that is missing, truncated or altered."""
        weights = Weights(var)
        self._name = "that set-up installed" if folder is None else f"in {folder}"
        self._final = weights.find(BASE) if folder is None else files_in(folder)
        self.languages = _languages(self._final["tokenizer.json"][0])
        self._partial: Files | None
        try:
            self._partial = weights.find(TINY_EN)
        except engines.ModelError:
            # The installed weights belong together; weights of one's own are enough, without partials.
            if folder is None:
                raise
            self._partial = None

    def load(self, live: int, *, verbose: bool = False) -> Recogniser:
        """Load both, in about a second; everybody who talks shares them."""
        # Imported here: the library belongs in worker processes only.
        from services.transcription.engines.whisper.recogniser import Recogniser

        try:
            return Recogniser(self._final, self._partial, self.languages)
        except (RuntimeError, OSError, msgspec.MsgspecError) as error:
            why = f"{_blamed(error)}: {error}"
            raise engines.ModelError(f"the speech model {self._name} cannot be loaded: {why}") from error


def _blamed(error: Exception) -> str:
    """The file in which CTranslate2, or the reader of tokens, found a mistake."""
    if isinstance(error, msgspec.MsgspecError):
        return "tokenizer.json"
    return "vocabulary.txt" if "vocabulary" in str(error).lower() else "model.bin"


def _languages(tokenizer: Path) -> frozenset[str]:
    """The languages that a tokenizer has tokens for; English where its model is for English alone."""
    try:
        file = msgspec.json.decode(tokenizer.read_bytes(), type=_Tokenizer)
        letters = msgspec.json.decode(file.model["vocab"], type=dict[str, int])
    except (OSError, msgspec.MsgspecError, KeyError) as error:
        raise engines.ModelError(f"{tokenizer} cannot be read: {error}") from error
    # Whisper's English models have one token fewer; their tokenizers name all languages all the same.
    if len(letters) <= _ENGLISH_TOKENS:
        return _ENGLISH
    names = (added.content.removeprefix("<|").removesuffix("|>") for added in file.added_tokens)
    return frozenset(name for name in names if len(name) in _LANGUAGE and name.isalpha() and name.islower())
