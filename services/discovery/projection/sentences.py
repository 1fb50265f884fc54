"""An index of sentences that is asked with permissions: which words stand where, by term and by block.

A block is up to 256 sentences of one Space, so whom a Space is closed to never reads its words. Blocks have negative
numbers, which makes the newest come first in the order of the index. In a block, a place is four bytes: the sentence's
number in the block above ten bits for the word's position in the sentence. A speaker is a term too: their id after `@`.

SQLite's own full-text index (FTS5) is of no use here: it reads every sentence that has a common word, and with a range
of row ids for each of 500 Spaces it takes 20 to 50 times as long as one answer may.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.discovery.projection.terms import words_of

SENTENCES: Final = 1 << 15
"""A transcript's sentences at most: as many numbers are kept for it."""
_IN_BLOCK: Final = 8
"""Bits of a sentence's number in its block."""
_POSITION: Final = 10
"""Bits of a word's position in its sentence."""
_MOST_WORDS: Final = (1 << _POSITION) - 24
"""Words of a sentence that are kept. The positions beyond stay free, so that no phrase goes from one sentence to the
next."""
_ROOT: Final = 7
"""Slips are looked for in as many letters of a word."""

Keys = NDArray[np.int64]


def transcript_with(k: int) -> int:
    """The transcript to which a sentence belongs."""
    return k // SENTENCES


def speaker_term(person_id: str) -> str:
    """The term that each sentence of a person has."""
    return f"@{person_id}"


def blocks_of(transcript: int) -> tuple[int, int]:
    """The first and the last block of a transcript."""
    return -((transcript + 1) * SENTENCES - 1 >> _IN_BLOCK), -(transcript * SENTENCES >> _IN_BLOCK)


def transcript_of(block: int) -> int:
    """The transcript to which a block belongs."""
    return (-block << _IN_BLOCK) // SENTENCES


def index(db: sqlite3.Connection, k: int, text: str, person_id: str) -> int:
    """Put a sentence's words and its speaker into the index; how many words it has."""
    block, first = _place(k)
    words = words_of(text)[:_MOST_WORDS]
    places: dict[str, array[int]] = {speaker_term(person_id): array("I", [first])}
    for position, word in enumerate(words):
        places.setdefault(word, array("I")).append(first | position)
    numbers = _numbers(db, places)
    for term in places.keys() - numbers.keys():
        (numbers[term],) = db.execute("INSERT INTO vocabulary (term) VALUES (?) RETURNING t", (term,)).fetchone()
        if not term.startswith("@"):
            db.executemany("INSERT INTO slips VALUES (?, ?)", [(one, numbers[term]) for one in variants(term)])
    db.executemany(
        """
        INSERT INTO postings VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET places = CAST(places || excluded.places AS BLOB)
        """,
        [(numbers[term], block, one.tobytes()) for term, one in places.items()],
    )
    return len(words)


def remove(db: sqlite3.Connection, k: int, text: str, person_id: str) -> None:
    """Take a sentence out of the index; `text` and the speaker are those it was put in with."""
    block, first = _place(k)
    gone = []
    for t in _numbers(db, {*words_of(text)[:_MOST_WORDS], speaker_term(person_id)}).values():
        row = db.execute("SELECT places FROM postings WHERE t = ? AND block = ?", (t, block)).fetchone()
        if row is None:
            continue
        left = array("I", [place for place in places_of(row[0]) if place >> _POSITION != first >> _POSITION])
        if left:
            db.execute("UPDATE postings SET places = ? WHERE t = ? AND block = ?", (left.tobytes(), t, block))
        else:
            gone.append((t, block))
    _delete(db, gone)


def remove_all(db: sqlite3.Connection, sentences: Iterable[tuple[int, str, str]]) -> None:
    """Take whole blocks out of the index: `k`, text and speaker of every sentence of them."""
    terms: dict[int, set[str]] = {}
    for k, text, person_id in sentences:
        terms.setdefault(_place(k)[0], set()).update(words_of(text)[:_MOST_WORDS], [speaker_term(person_id)])
    _delete(db, [(t, block) for block, some in terms.items() for t in _numbers(db, some).values()])


def transcripts_with(db: sqlite3.Connection, person_id: str) -> list[int]:
    """The transcripts in which somebody said something."""
    rows = db.execute(
        "SELECT p.block FROM vocabulary v JOIN postings p ON p.t = v.t WHERE v.term = ?", (speaker_term(person_id),)
    )
    return sorted({transcript_of(block) for (block,) in rows})


def places_of(blob: bytes) -> array[int]:
    """The places in a row of the index."""
    places = array("I")
    places.frombytes(blob)
    return places


def variants(term: str) -> set[str]:
    """What is left of a word's beginning when a slip, or two in a word of eight letters, took letters out of it.

    Two words that are spelt nearly the same have a variant in common. None of short words, which are taken as they are.
    """
    root = term[:_ROOT]
    return {
        "".join(letter for at, letter in enumerate(root) if at not in without)
        for count in range(slips_in(term) + 1)
        for without in combinations(range(len(root)), count)
        if slips_in(term)
    }


def slips_in(word: str) -> int:
    """As many slips are forgiven in a word."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2


def near(db: sqlite3.Connection, word: str) -> dict[str, int]:
    """The terms that are spelt nearly like a word, or that begin with it, and their numbers; whoever said them."""
    if not slips_in(word):
        return {}
    rows = db.execute(
        f"SELECT DISTINCT v.term, v.t FROM slips s JOIN vocabulary v ON v.t = s.t"
        f" WHERE s.variant IN ({','.join('?' * len(variants(word)))})",
        tuple(variants(word)),
    )
    found = {term: t for term, t in rows if distance(word, term) <= slips_in(word)}
    return found | _beginning(db, word)


def beginning_with(db: sqlite3.Connection, word: str) -> list[int]:
    """The numbers of the terms that begin with a word; of a short word only its own."""
    if slips_in(word):
        return list(_beginning(db, word).values())
    return list(_numbers(db, [word]).values())


def _beginning(db: sqlite3.Connection, word: str) -> dict[str, int]:
    beyond = word[:-1] + chr(ord(word[-1]) + 1)
    rows = db.execute("SELECT term, t FROM vocabulary WHERE term >= ? AND term < ?", (word, beyond))
    return dict(rows.fetchall())


def distance(one: str, other: str) -> int:
    """How many letters to insert, remove, replace or swap with their neighbour (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def keys_of(rows: Sequence[tuple[int, bytes]]) -> Keys:
    """Where words stand that have these rows (block, places): each a sentence's number above the position in it."""
    places = np.frombuffer(b"".join(blob for _, blob in rows), np.uint32)
    blocks = np.array([block for block, _ in rows], np.int64)
    counts = [len(blob) // places.itemsize for _, blob in rows]
    return np.repeat(-blocks << (_IN_BLOCK + _POSITION), counts) + places.astype(np.int64)


def matches(phrases: Iterable[tuple[str, ...]], keys: Mapping[str, Keys]) -> tuple[Keys, NDArray[np.int64]]:
    """The numbers of the sentences that have every phrase, highest first; for each, how often it has each phrase."""
    found: list[tuple[Keys, NDArray[np.intp]]] = []
    for phrase in phrases:
        starts = keys[phrase[0]]
        for offset, word in enumerate(phrase[1:], 1):
            starts = np.intersect1d(starts, keys[word] - offset, assume_unique=True)
        found.append(np.unique(starts >> _POSITION, return_counts=True))
    numbers = found[0][0]
    for others, _ in found[1:]:
        numbers = np.intersect1d(numbers, others, assume_unique=True)
    numbers = numbers[::-1]
    counts = [times[np.searchsorted(sentences, numbers)] for sentences, times in found]
    return numbers, np.stack(counts, axis=1)


def _place(k: int) -> tuple[int, int]:
    """The block of a sentence, and the place of its first word."""
    return -(k >> _IN_BLOCK), (k & (1 << _IN_BLOCK) - 1) << _POSITION


def _numbers(db: sqlite3.Connection, terms: Iterable[str]) -> dict[str, int]:
    rows = db.execute(
        "SELECT v.term, v.t FROM json_each(?) j CROSS JOIN vocabulary v ON v.term = j.value", (json.dumps(list(terms)),)
    )
    return dict(rows.fetchall())


def _delete(db: sqlite3.Connection, postings: list[tuple[int, int]]) -> None:
    """Delete rows of the index, and the words that nobody said but in those."""
    db.executemany("DELETE FROM postings WHERE t = ? AND block = ?", postings)
    for t in {t for t, _ in postings}:
        if db.execute("SELECT 1 FROM postings WHERE t = ?", (t,)).fetchone() is None:
            (term,) = db.execute("DELETE FROM vocabulary WHERE t = ? RETURNING term", (t,)).fetchone()
            db.executemany("DELETE FROM slips WHERE variant = ? AND t = ?", [(one, t) for one in variants(term)])
