"""Whisper's byte-pair tokens: text to ids and back, from the `tokenizer.json` beside the weights.

The format is that of Hugging Face's tokenizers: a vocabulary of byte pairs, the merges by rank, and special tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec

_PIECES: Final = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
"""GPT-2's division of text, within which pairs are merged."""

_WITHOUT_SPACES: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff]")
"""Lao, Thai, Burmese, Khmer, Japanese, Chinese."""


def _byte_letters() -> Mapping[int, str]:
    """The letter that stands for each byte in the vocabulary; printable bytes stand for themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


_LETTERS: Final = _byte_letters()
_BYTES: Final = {letter: byte for byte, letter in _LETTERS.items()}


class _Model(msgspec.Struct):
    vocab: dict[str, int]
    merges: list[str | tuple[str, str]]


class _Added(msgspec.Struct):
    id: int
    content: str


class _File(msgspec.Struct):
    model: _Model
    added_tokens: list[_Added]


class Tokens:
    """The tokens of one model."""

    def __init__(self, tokenizer: bytes) -> None:
        """`tokenizer` is the content of `tokenizer.json`. Raises msgspec.MsgspecError."""
        file = msgspec.json.decode(tokenizer, type=_File)
        self._ids = file.model.vocab
        merges = (tuple(m.split(" ")) if isinstance(m, str) else m for m in file.model.merges)
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._text = {id: letters for letters, id in self._ids.items()}
        self.special: Mapping[str, int] = {added.content: added.id for added in file.added_tokens}
        """Ids of the special tokens, such as `<|en|>`."""
        self.end = self.special["<|endoftext|>"]

    def encode(self, text: str) -> list[int]:
        """The ids of a text, in which nothing stands for a special token."""
        return [id for piece in _PIECES.findall(text) for id in self._merge(piece)]

    def _merge(self, piece: str) -> list[int]:
        parts = [_LETTERS[byte] for byte in piece.encode()]
        while len(parts) > 1:
            pair = min(pairwise(parts), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if pair not in self._ranks:
                break
            merged: list[str] = []
            for part in parts:
                if merged and (merged[-1], part) == pair:
                    merged[-1] += part
                else:
                    merged.append(part)
            parts = merged
        return [self._ids[part] for part in parts]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, of which special ones have none."""
        return self._bytes(ids).decode(errors="replace")

    def words(self, ids: Sequence[int]) -> list[list[int]]:
        """The ids by word, without special ones: a word begins with a space.

        In scripts that are written without spaces, every letter (or what cannot be divided) is a word.
        """
        words: list[list[int]] = []
        before = ""
        letters: list[int] = []
        for id in ids:
            if id >= self.end:
                continue
            letters.append(id)
            text = self.decode(letters)
            if text.endswith("\N{REPLACEMENT CHARACTER}"):
                continue  # half a letter
            goes_on = not text.startswith(" ") and not (_WITHOUT_SPACES.search(text) or _WITHOUT_SPACES.search(before))
            if words and (goes_on or not any(c.isalnum() for c in text)):
                words[-1] += letters
            else:
                words.append(letters)
            before, letters = text, []
        if letters:
            words.append(letters)
        return words

    def _bytes(self, ids: Sequence[int]) -> bytes:
        return bytes(_BYTES[letter] for id in ids if id < self.end for letter in self._text.get(id, ""))
