"""What one person may read, and which sentences of that have certain words.

The permissions come first: the transcripts that the person may read are listed, and only their part of the index is
read. So what is closed to somebody changes nothing in what they are answered, neither the order nor whether it is said
to be approximate, and costs no time. Nothing of it is kept between two searches: a block holds in the next.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from services.discovery.projection import schema
from services.discovery.projection.sentences import Keys, blocks_of, keys_of, matches, transcript_of

_FEW: Final = 1000
"""A word with at most as many blocks, and no more than there are transcripts, is read as a whole."""
_LENGTH: Final = 24
"""Bits for the length of a range of blocks."""
_FIRST: Final = 50
"""So many transcripts are looked through first, and each time three times as many."""
_BATCH: Final = 250
_TYPICAL: Final = 12
"""Words of a sentence of usual length."""

Phrases = Sequence[tuple[str, ...]]
Alternatives = dict[str, list[int]]
"""For each word the numbers of the terms that stand for it."""


class SentencePlace(NamedTuple):
    """Where a sentence stands among all that were found: by its weight, then by its time; lowest first."""

    rank: float
    before: float
    """Minus the seconds since 1970 at which it was said."""
    caption_id: str


class SearchReader:
    """One person, for one search."""

    def __init__(self, db: sqlite3.Connection, actor: str) -> None:
        self._db = db
        found = db.execute(schema.READABLE_TRANSCRIPTS, {"actor": actor}).fetchall()
        self.transcripts = sorted({n for (n,) in found}, reverse=True)
        """The numbers of those that may be read, newest first."""
        self.between: tuple[float, float] = (-1e300, 1e300)
        """Only sentences that were said then count: from, before (seconds since 1970)."""
        self.blocked = json.dumps([row[0] for row in db.execute(schema.BLOCKED, {"actor": actor})])
        """Whose words are hidden from the person, as JSON."""
        self._rows: dict[int, list[tuple[int, bytes]] | None] = {}
        """Of a term all it has, where that is little."""

    def keep(self, numbers: Iterable[int]) -> None:
        """Read only these transcripts, as far as they may be read."""
        wanted = set(numbers)
        self.transcripts = [n for n in self.transcripts if n in wanted]

    def numbers(self, words: Iterable[str]) -> Alternatives | None:
        """The term of each word; None where nobody ever said one of them."""
        found: Alternatives = {}
        for word in words:
            row = self._db.execute("SELECT t FROM vocabulary WHERE term = ?", (word,)).fetchone()
            if row is None:
                return None
            found[word] = [row[0]]
        return found

    def best(self, phrases: Phrases, words: Alternatives, most: int) -> tuple[list[tuple[SentencePlace, int]], bool]:
        """At most so many of the sentences that `ranked` gives; whether there are more."""
        ranked: list[tuple[SentencePlace, int]] = []
        for one in self.ranked(phrases, words):
            if len(ranked) == most:
                return ranked, True
            ranked.append(one)
        return ranked, False

    def heard(self, word: str, terms: Alternatives) -> bool:
        """Whether a sentence has the word, whoever said it."""
        return next(self.ranked([(word,)], terms), None) is not None

    def ranked(self, phrases: Phrases, words: Alternatives) -> Iterator[tuple[SentencePlace, int]]:
        """The sentences that have all the phrases, newest Spaces first, each with its place and number."""
        begin, end = self.between
        for batch in self._matching(phrases, words):
            rows = self._db.execute(
                "SELECT c.k, c.at, c.id, c.words FROM json_each(:batch) j CROSS JOIN captions c ON c.k = j.value"
                " WHERE c.at >= :begin AND c.at < :end AND c.person_id NOT IN (SELECT value FROM json_each(:blocked))",
                {"batch": json.dumps(list(batch)), "begin": begin, "end": end, "blocked": self.blocked},
            )
            for k, at, caption_id, length in rows:
                yield SentencePlace(-_weight(batch[k], length), -at, caption_id), k

    def _matching(self, phrases: Phrases, words: Alternatives) -> Iterator[dict[int, list[int]]]:
        """The sentences that have all phrases, newest Spaces first, and how often each has each of them."""
        # Longer words are rarer, and what has them not needs no look at the others.
        order = sorted(words, key=lambda word: (-len(word), word))
        begin, size = 0, _FIRST
        while begin < len(self.transcripts):
            part = self.transcripts[begin : begin + size]
            begin, size = begin + size, size * 3
            keys = self._keys(order, words, part)
            if keys is None:
                continue
            numbers, counts = matches(phrases, keys)
            for first in range(0, len(numbers), _BATCH):
                some = slice(first, first + _BATCH)
                yield dict(zip(numbers[some].tolist(), counts[some].tolist(), strict=True))

    def _keys(self, order: Sequence[str], words: Alternatives, transcripts: Sequence[int]) -> dict[str, Keys] | None:
        """Where the words stand in these transcripts, as far as a block has all of them; None where no block has."""
        ranges, members = _ranges(transcripts), set(transcripts)
        found: dict[str, list[tuple[int, bytes]]] = {}
        blocks: set[int] = set()
        for word in order:
            found[word] = rows = self._in(words[word], ranges, members)
            blocks = {block for block, _ in rows} if len(found) == 1 else blocks & {block for block, _ in rows}
            if not blocks:
                return None
            if len(blocks) < len(ranges):
                ranges = [(block, block) for block in sorted(blocks)]
        return {word: keys_of([row for row in rows if row[0] in blocks]) for word, rows in found.items()}

    def _in(self, terms: Iterable[int], ranges: list[tuple[int, int]], members: set[int]) -> list[tuple[int, bytes]]:
        """The rows of these terms in the transcripts."""
        found: list[tuple[int, bytes]] = []
        asked = ""
        for t in terms:
            rows = self._all_of(t)
            if rows is None:
                # First block and length in one number, which SQLite reads twice as fast as a list of two.
                asked = asked or json.dumps([(-first << _LENGTH) | last - first for first, last in ranges])
                found += self._db.execute(
                    "SELECT p.block, p.places FROM json_each(:ranges) r CROSS JOIN postings p ON p.t = :t"
                    " AND p.block BETWEEN -(r.value >> :bits) AND (r.value & (1 << :bits) - 1) - (r.value >> :bits)",
                    {"ranges": asked, "t": t, "bits": _LENGTH},
                )
            else:
                found += [row for row in rows if transcript_of(row[0]) in members]
        return found

    def _all_of(self, t: int) -> list[tuple[int, bytes]] | None:
        if t not in self._rows:
            few = min(_FEW, len(self.transcripts))
            rows = self._db.execute("SELECT block, places FROM postings WHERE t = ? LIMIT ?", (t, few + 1)).fetchall()
            self._rows[t] = rows if len(rows) <= few else None
        return self._rows[t]


def _ranges(transcripts: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last blocks of transcripts, those that follow one another in one; newest first, as they are."""
    found: list[tuple[int, int]] = []
    for transcript in transcripts:
        first, last = blocks_of(transcript)
        if found and found[-1][1] == first - 1 and last - found[-1][0] < 1 << _LENGTH:
            found[-1] = found[-1][0], last
        else:
            found.append((first, last))
    return found


def _weight(counts: Sequence[int], length: int) -> float:
    """How much the words weigh in a sentence of so many: as BM25 has it, but for how rare they are.

    How rare a word is would tell of sentences that the asker may not read.
    """
    norm = 1.2 * (0.25 + 0.75 * length / _TYPICAL)
    return sum(count / (count + norm) for count in counts)
