"""The hosts' word list: names, brands and terms that captions should be able to write."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from libs.refusal import Refusal

_LONGEST: Final = 40
"""Characters in a word; composing them can make them more."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")
"""Invisible, and part of the spelling in scripts of Asia."""
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_ALIKE: Final = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC"})
"""Scripts with letters that look like those of another one."""


def tidy(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words in their order, each once whatever its case, composed (NFC) and with single spaces.

    Raises Refusal: invalid, for what cannot be seen, or is not what it looks like.
    """
    found: dict[str, str] = {}
    for typed in words:
        composed = unicodedata.normalize("NFC", typed)
        _must_be_readable(composed)
        word = " ".join(composed.split())
        found.setdefault(word.casefold(), word)
    return tuple(found.values())


def _must_be_readable(word: str) -> None:
    why = _unreadable(word)
    if why is not None:
        raise Refusal("invalid", f"{_shown(word)} in the word list {why}.", field="words")


def _unreadable(word: str) -> str | None:
    alphabets = [{_script(letter) for letter in run} & _ALIKE for run in _LETTERS.findall(_without_marks(word))]
    joiners = frozenset() if any(alphabets) else _JOINERS
    if any(unicodedata.category(part) in _UNSEEN and part not in joiners for part in word):
        return "has characters that cannot be seen; type it anew"
    if not any(part.isalnum() for part in word):
        return "has no letter or digit; write words"
    if any(len(scripts) > 1 for scripts in alphabets) or any(_stands_for_another(part) for part in word):
        return "has letters that only look like others; use one alphabet"
    if len(word) > _LONGEST:
        return f"has more than {_LONGEST} characters; shorten it"
    return None


def _without_marks(word: str) -> str:
    return "".join(part for part in word if not unicodedata.combining(part))


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _stands_for_another(part: str) -> bool:
    """Whether it is a wide, styled or joined form of other letters."""
    return part.isalpha() and unicodedata.normalize("NFKC", part) not in (part, unicodedata.normalize("NFC", part))


def _shown(word: str) -> str:
    return repr(word) if word.isprintable() else ascii(word)
