"""Which words of successive decodes to show: those that two of them agree on, and never fewer than before.

When the first decode of an utterance is clear, its words are shown without a second one, except for the last word,
which may have been cut off. In a trial with 26 sentences and a decode every half second, the first words were shown
half a second earlier (median), and two sentences instead of one began with a wrong word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
        self._last: list[str] = []
        self._begun: set[str] = set()
        """How decodes began, until a word is shown."""

    def show(self, text: str, *, clear: bool = False) -> str:
        """The text to show after a decode: what was shown, and what this decode and the last one agree to add.

        `clear` says that enough was said, and that it is speech without doubt.
        """
        words = text.split()
        before, self._last = self._continuation(self._last), words
        added = []
        for earlier, now in zip(before, self._continuation(words), strict=False):
            if _key(earlier) != _key(now):
                break
            added.append(now)
        if words and not self._shown:
            # The first words are the hardest to tell: decodes that agree on how it begins need not follow each other.
            if not added and _key(words[0]) in self._begun:
                added = words[:1]
            if not added and clear:
                added = words[:-1]
            self._begun.add(_key(words[0]))
        self._shown += added
        return self.text

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
