"""The index of headlines, topics and hosts, which is asked with permissions.

It is SQLite's full-text index (FTS5) in two parts by audience: Spaces that everybody may join, and, from `_CLOSED` on,
all others. Of the second part only the rows are looked at that are open to the asker. Rows come newest first, and those
that somebody may see are counted, not those that there are; and where a Space stands does not depend on how rare a word
is. So what is closed to somebody changes nothing in what they are answered.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from contracts.envelope import PersonRef
from contracts.room import v1 as room
from services.discovery.projection import schema
from services.discovery.projection.terms import terms_of

_CLOSED: Final = 1 << 40
"""Rows of Spaces that not everybody may join have numbers above this one."""

_PARTS: Final = (
    f"words.rowid < {_CLOSED}",
    f"words.rowid > {_CLOSED} AND +words.rowid IN (SELECT value + {_CLOSED} FROM json_each(:closed))",
)
_SEEN: Final = f"{schema.LIVE}, {schema.SCHEDULED}, {schema.OVER}"


class Hit(NamedTuple):
    """A Space that has the words. Hits in order: live ones first, then those with all the words in the headline."""

    phase: int
    elsewhere: int
    """0 where the headline has all the words, 1 where topics or the host have some of them."""
    place: float
    """As in a list without words."""
    space_id: str
    n: int


def put(db: sqlite3.Connection, n: int, space: room.Space, *, found: bool = True) -> None:
    """Index a Space by words, topics and audience, in place of what was there; not at all where nobody is to find
    it."""
    before = db.execute("SELECT title, topics, people FROM words WHERE rowid IN (?, ?)", (n, n + _CLOSED)).fetchone()
    db.execute("DELETE FROM words WHERE rowid IN (?, ?)", (n, n + _CLOSED))
    db.execute("DELETE FROM topics WHERE n = ?", (n,))
    if not found:
        drop_terms(db, " ".join(before or ()))
        return
    text, is_open = indexed(space)
    row = n if is_open else n + _CLOSED
    db.execute("INSERT INTO words (rowid, title, topics, people) VALUES (?, ?, ?, ?)", (row, *text))
    db.executemany("INSERT INTO topics VALUES (?, ?)", [(topic, n) for topic in set(space.settings.topics)])
    _put_terms(db, " ".join(text))
    if before is not None:
        drop_terms(db, " ".join(before))


def rename(db: sqlite3.Connection, host: PersonRef) -> None:
    """Have all Spaces of a host found by what they are called now."""
    theirs = (
        "rowid IN (SELECT n FROM spaces WHERE host_id = :host"
        f" UNION ALL SELECT n + {_CLOSED} FROM spaces WHERE host_id = :host)"
    )
    before = db.execute(f"SELECT people FROM words WHERE {theirs} LIMIT 1", {"host": host.id}).fetchone()
    if before is None:
        return  # they host nothing that is found
    db.execute(f"UPDATE words SET people = :called WHERE {theirs}", {"called": _called(host), "host": host.id})
    _put_terms(db, _called(host))
    drop_terms(db, before[0])


def retitle(db: sqlite3.Connection, n: int, before: str, after: str) -> None:
    """Have a Space found by another title, and keep no word of the one before that is nowhere else."""
    db.execute("UPDATE words SET title = ? WHERE rowid IN (?, ?)", (after, n, n + _CLOSED))
    drop_terms(db, before)


def merge(db: sqlite3.Connection) -> None:
    """Have the indexes hold no deleted words: until they are merged, they only mark them as deleted."""
    if db.execute("DELETE FROM unmerged RETURNING one").fetchone() is None:
        return
    for index in ("words", "grams"):
        db.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")


def drop_terms(db: sqlite3.Connection, text: str) -> None:
    """Keep no word of a text that no Space has any more."""
    db.execute("INSERT OR IGNORE INTO unmerged VALUES (1)")
    for term in set(terms_of(text)):
        if db.execute("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (f'"{term}"',)).fetchone() is None:
            db.execute("DELETE FROM terms WHERE term = ?", (term,))
            gram = f"  {term} "
            rows = db.execute("SELECT rowid FROM grams WHERE grams MATCH ? AND term = ?", (f'"{gram}"', gram))
            db.executemany("DELETE FROM grams WHERE rowid = ?", rows.fetchall())


def _called(host: PersonRef) -> str:
    return f"{host.handle} {host.name}"


def _put_terms(db: sqlite3.Connection, text: str) -> None:
    for term in terms_of(text):
        if db.execute("INSERT OR IGNORE INTO terms VALUES (?)", (term,)).rowcount:
            # With two blanks before it, so that the beginning counts for more, as in pg_trgm.
            db.execute("INSERT INTO grams VALUES (?)", (f"  {term} ",))


def indexed(space: room.Space) -> tuple[tuple[str, str, str], bool]:
    """What is indexed: the headline, the topics and the host; and whether everybody may join."""
    settings = space.settings
    text = settings.title, " ".join(settings.topics), _called(space.host)
    return text, settings.who_can_join is room.WhoCanJoin.EVERYONE


def has_words(db: sqlite3.Connection, n: int, match: str) -> bool:
    """Whether a Space has the words."""
    sql = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
    return any(db.execute(sql, (match, row)).fetchone() for row in (n, n + _CLOSED))


class Headlines:
    """The index as one person sees it, for one search."""

    def __init__(self, db: sqlite3.Connection, actor: str) -> None:
        self._db = db
        self._actor = actor
        self._closed = json.dumps([n for (n,) in db.execute(schema.CLOSED_TO_OTHERS, {"actor": actor})])

    def hits(
        self, match: str, phases: Sequence[int], where: Sequence[str], values: Mapping[str, Any], most: int
    ) -> tuple[list[Hit], bool]:
        """The Spaces that have the words and answer to the other conditions; and whether these are not all.

        Where the person sees more than `most` that have the words, these are of the newest, and the live ones.
        """
        wanted = " AND ".join((f"s.phase IN ({','.join(map(str, phases))})", *where))
        told = {**values, "match": match, "most": most + 1}
        found = sorted(self._rows(told, wanted), key=lambda row: row[0].n, reverse=True)
        hits = [hit for hit, is_wanted in found[:most] if is_wanted]
        if len(found) > most:
            live = f"SELECT {{}} FROM spaces WHERE phase = {schema.LIVE}"
            now = f"+words.rowid IN ({live.format('n')} UNION ALL {live.format(f'n + {_CLOSED}')})"
            known = {hit.n for hit in hits}
            rows = self._rows({**told, "most": -1}, wanted, now)
            hits += [hit for hit, is_wanted in rows if is_wanted and hit.n not in known]
        titled = self._titled(match, [hit.n for hit in hits])
        return [hit._replace(elsewhere=int(hit.n not in titled)) for hit in hits], len(found) > most

    def _titled(self, match: str, numbers: Sequence[int]) -> set[int]:
        """The numbers of the Spaces in this range whose headline has all the words."""
        if not numbers:
            return set()
        rows = self._db.execute(
            f"SELECT rowid & {_CLOSED - 1} FROM words WHERE words MATCH :titled AND rowid BETWEEN :first AND :last"
            f" UNION ALL SELECT rowid & {_CLOSED - 1} FROM words WHERE words MATCH :titled"
            f" AND rowid BETWEEN :first + {_CLOSED} AND :last + {_CLOSED}",
            {"titled": f"title : ({match})", "first": min(numbers), "last": max(numbers)},
        )
        return {n for (n,) in rows}

    def seen(self, term: str) -> bool:
        """Whether the person sees a Space that has the word."""
        told = {"match": f'"{term}"', "most": 1}
        return next(self._rows(told, "TRUE"), None) is not None

    def _rows(self, values: Mapping[str, Any], wanted: str, among: str = "TRUE") -> Iterator[tuple[Hit, bool]]:
        """Of each part the newest, as far as the person sees them, and whether each answers to what is `wanted`."""
        for part in _PARTS:
            rows = self._db.execute(
                f"SELECT {wanted}, s.phase, 0, s.place, s.id, s.n"
                f" FROM words CROSS JOIN spaces s ON s.n = words.rowid & {_CLOSED - 1}"
                f" WHERE words MATCH :match AND {part} AND {among} AND s.phase IN ({_SEEN}) AND {schema.VISIBLE}"
                " ORDER BY words.rowid DESC LIMIT :most",
                {**values, "actor": self._actor, "closed": self._closed},
            )
            for is_wanted, *row in rows:
                yield Hit._make(row), bool(is_wanted)
