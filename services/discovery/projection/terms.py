"""From what somebody types to a query of SQLite's full-text search (FTS5).

Two indexes are asked. `words` holds the words of each Space with an index of their beginnings. `grams` holds each word
that occurs, once, by its trigrams; where nobody wrote what was typed, it gives the words that are spelt nearly so.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import islice
from typing import Final

MOST_WORDS: Final = 10
_LONGEST: Final = 40
_SHORTEST_GUESSED: Final = 4
"""A shorter word is taken as it is."""
_GUESSES: Final = 4
_NEAR: Final = 0.75
"""From this ratio on (`difflib`) two words are spelt nearly the same: one slip in four letters."""
_WORD: Final = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The words of a text in order, without case and accents."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return [word[:_LONGEST] for word in _WORD.findall(plain.casefold())]


def terms_of(text: str) -> list[str]:
    """The different words of a text, without case and accents."""
    return list(dict.fromkeys(words_of(text)))


def phrases_of(typed: str) -> list[tuple[str, ...]]:
    """What a sentence must have: each word by itself, and what stands in double quotes as a phrase. Ten words count."""
    phrases: list[tuple[str, ...]] = []
    for place, part in enumerate(typed.split('"')):
        words = words_of(part)[: MOST_WORDS - sum(map(len, phrases))]
        phrases += [tuple(words)] if place % 2 and words else [(word,) for word in words]
    return list(dict.fromkeys(phrases))


def as_typed(words: str) -> str | None:
    """All the words, or beginnings of words; None where there is no word in it."""
    return " AND ".join(_beginning(word) for word in terms_of(words)[:MOST_WORDS]) or None


def as_meant(db: sqlite3.Connection, words: str, seen: Callable[[str], bool]) -> str | None:
    """Each word, or one spelt nearly so that occurs in what the asker may see (`seen`). None where there are none."""
    guessed, parts = False, []
    for word in terms_of(words)[:MOST_WORDS]:
        near = list(islice(filter(seen, _near(db, word)), _GUESSES))
        guessed = guessed or bool(near)
        parts.append("(" + " OR ".join([_beginning(word), *(f'"{one}"' for one in near)]) + ")")
    return " AND ".join(parts) if guessed else None


def _beginning(word: str) -> str:
    # One letter begins too many words to be of use.
    return f'"{word}" *' if len(word) > 1 else f'"{word}"'


def _near(db: sqlite3.Connection, word: str) -> list[str]:
    """All that is spelt nearly like a word, nearest first, wherever it occurs.

    How many there are, or how rare their trigrams are, must not decide which come first: it would tell of words that
    the asker may not see.
    """
    if len(word) < _SHORTEST_GUESSED:
        return []
    padded = f"  {word}"
    grams = dict.fromkeys(padded[at : at + 3] for at in range(len(padded) - 2))
    rows = db.execute("SELECT term FROM grams WHERE grams MATCH ?", (" OR ".join(f'"{gram}"' for gram in grams),))
    compare = SequenceMatcher(b=word, autojunk=False)
    ratios = {term: _ratio(compare, term, len(word)) for term in (str(row[0]).strip() for row in rows)}
    near = (term for term, ratio in ratios.items() if ratio >= _NEAR and term != word)
    return sorted(near, key=lambda term: (-ratios[term], term))


def _ratio(compare: SequenceMatcher[str], term: str, length: int) -> float:
    """How alike, 0 to 1, a word of this length is to the term or to its beginning; 0 where it is not near."""
    best = 0.0
    for beginning in {term, term[:length], term[: length + 1]}:
        compare.set_seq1(beginning)
        if compare.quick_ratio() >= _NEAR:
            best = max(best, compare.ratio())
    return best
