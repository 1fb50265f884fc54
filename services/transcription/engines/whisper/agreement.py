"""Which words of successive decodes to show: those that two of them agree on, which then stay.

When a decode is clear before two agree, its first word is shown alone. It is replaced if two later decodes agree on
another one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

_LETTERS: Final = re.compile(r"[\W_]+")
_BROKEN_OFF: Final = re.compile(r"(\.{2,}|…|-)[,.?!]?$")
"""How a decode ends where the sound did: "to be rather...", "the ami-"."""
_NEAR: Final = 2
"""By how many words a decode may have moved, as where it divides one in two."""


class Agreement:
    """The partial captions of one utterance."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._agreed = False
        """Whether two decodes agreed on what is shown. Otherwise it is the first word of one clear decode."""
        self._last: list[str] = []
        self._begun: set[str] = set()
        """How decodes began, until a word is shown."""

    def show(self, text: str, *, clear: bool = False) -> str:
        """The text to show after a decode: what was shown, and what this decode and the last one agree to add.

        `clear` says that enough was said, and that it is speech without doubt.
        """
        words = text.split()
        last, self._last = self._last, words
        if self._agreed:
            self._shown += _alike(self._continuation(last), self._continuation(words))
        elif alike := _alike(last, words):
            self._shown, self._agreed = list(alike), True
        elif words and not self._shown:
            self._begin(words[0], clear=clear)
        return self.text

    def _begin(self, word: str, *, clear: bool) -> None:
        """Show the first word, which is the hardest to tell."""
        # Decodes that agree on it need not follow each other.
        self._agreed = _key(word) in self._begun
        self._begun.add(_key(word))
        if self._agreed or clear:
            self._shown = [word]

    @property
    def text(self) -> str:
        """What is shown."""
        broken = [_BROKEN_OFF.sub("", word) for word in self._shown]
        return " ".join([*broken[:-1], *(word.rstrip(".,?!;:") for word in broken[-1:])])

    def _continuation(self, words: Sequence[str]) -> Sequence[str]:
        """The words of a decode that come after what is shown."""
        shown = len(self._shown)
        if not shown:
            return words
        last = _key(self._shown[-1])
        places = [n for n in range(max(1, shown - _NEAR), shown + _NEAR + 1) if n <= len(words)]
        alike = [n for n in places if _key(words[n - 1]) == last]
        return words[min(alike, key=lambda n: abs(n - shown), default=shown) :]


def _key(word: str) -> str:
    return _LETTERS.sub("", word).lower()


def _alike(before: Sequence[str], now: Sequence[str]) -> Sequence[str]:
    """The words with which both begin, as they are now."""
    pairs = zip(before, now, strict=False)
    return [word for _, word in takewhile(lambda pair: _key(pair[0]) == _key(pair[1]), pairs)]
