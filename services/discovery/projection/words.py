"""From what somebody types to a query of SQLite's full-text search (FTS5).

Two indexes are asked. `words` holds the words of each Space with an index of their beginnings. `grams` holds each word
that occurs, once, by its trigrams; where nobody wrote what was typed, it gives the words that are spelt nearly so.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from difflib import SequenceMatcher
from typing import Final

_MOST_WORDS: Final = 10
_LONGEST: Final = 40
_SHORTEST_GUESSED: Final = 4
"""A shorter word is taken as it is."""
_CANDIDATES: Final = 60
_GUESSES: Final = 4
_NEAR: Final = 0.75
"""From this ratio on (`difflib`) two words are spelt nearly the same: one slip in four letters."""
_WORD: Final = re.compile(r"[^\W_]+")


def terms_of(text: str) -> list[str]:
    """The different words of a text, without case and accents."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return list(dict.fromkeys(word[:_LONGEST] for word in _WORD.findall(plain.casefold())))


def as_typed(words: str) -> str | None:
    """All the words, or beginnings of words; None where there is no word in it."""
    return " AND ".join(_beginning(word) for word in terms_of(words)[:_MOST_WORDS]) or None


def as_meant(db: sqlite3.Connection, words: str) -> str | None:
    """Each word, or one spelt nearly so. None where there are none of those."""
    guessed, parts = False, []
    for word in terms_of(words)[:_MOST_WORDS]:
        near = _near(db, word)
        guessed = guessed or bool(near)
        parts.append("(" + " OR ".join([_beginning(word), *(f'"{one}"' for one in near)]) + ")")
    return " AND ".join(parts) if guessed else None


def _beginning(word: str) -> str:
    # One letter begins too many words to be of use.
    return f'"{word}" *' if len(word) > 1 else f'"{word}"'


def _near(db: sqlite3.Connection, word: str) -> list[str]:
    if len(word) < _SHORTEST_GUESSED:
        return []
    padded = f"  {word}"
    grams = dict.fromkeys(padded[at : at + 3] for at in range(len(padded) - 2))
    rows = db.execute(
        "SELECT term FROM grams WHERE grams MATCH ? ORDER BY rank LIMIT ?",
        (" OR ".join(f'"{gram}"' for gram in grams), _CANDIDATES),
    )
    ratios = {term: _ratio(word, term) for term in (str(row[0]).strip() for row in rows)}
    near = sorted((term for term, ratio in ratios.items() if ratio >= _NEAR and term != word), key=lambda t: -ratios[t])
    return near[:_GUESSES]


def _ratio(word: str, term: str) -> float:
    """How alike, 0 to 1, the word is to the term or to its beginning."""
    compare = SequenceMatcher(a=word, autojunk=False)
    best = 0.0
    for beginning in {term, term[: len(word)], term[: len(word) + 1]}:
        compare.set_seq2(beginning)
        best = max(best, compare.ratio())
    return best
