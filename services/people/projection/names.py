"""Who is called what, to find people by, and who blocks whom."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from libs.eventstore import Notification
from libs.keyring import Words
from libs.readmodel import StoreModel
from services.people.domain.account import Reinstated, Suspended
from services.people.domain.erasure import PersonErased
from services.people.domain.forgetting import Forgotten
from services.people.domain.person import Blocked, Registered, Unblocked
from services.people.domain.profile import ProfileChanged

_WORD: Final = re.compile(r"[^\W_]+")
_LOOKED_AT: Final = 20_000
"""People with a word that begins as the rarest one asked for: so many are compared, also for a single letter."""
_SORTED: Final = 1_000
_WORDS: Final = 8
"""Asked for; more are not looked at."""
_LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Somebody as one finds them."""

    id: str
    handle: str
    name: str
    picture: str = ""
    """Its id."""


def words_of(text: str) -> list[str]:
    """The words of a name or a handle, without case and accents: `Zoë König` is found by `zoe konig`."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return _WORD.findall(plain.casefold())


class NameSearch(StoreModel):
    """Everybody by the words of their handles and names.

    They are plain here, since one searches them; who is forgotten is wiped from the file.
    """

    overwrites = True
    schema = """
        CREATE TABLE people (
            id TEXT PRIMARY KEY, handle TEXT NOT NULL, name TEXT NOT NULL, suspended INTEGER NOT NULL DEFAULT 0,
            picture TEXT NOT NULL DEFAULT ''
        ) WITHOUT ROWID;
        CREATE INDEX handles ON people (lower(handle));
        CREATE TABLE words (word TEXT, person TEXT, PRIMARY KEY (word, person)) WITHOUT ROWID;
        CREATE INDEX words_of ON words (person, word);
        CREATE TABLE blocks (blocker TEXT, blocked TEXT, PRIMARY KEY (blocker, blocked)) WITHOUT ROWID;
        CREATE INDEX blockers ON blocks (blocked)
    """

    def __init__(self, path: Path, read: Callable[[str, Words], str]) -> None:
        """`read` opens what somebody is called, given their id; empty where it was erased."""
        super().__init__(path)
        self._read = read
        self._unwiped = False

    def take(self, notifications: Sequence[Notification]) -> None:
        super().take(notifications)
        if self._unwiped:
            self.wipe()
            self._unwiped = False

    def apply(self, notification: Notification) -> None:
        id = notification.aggregate_id
        match notification.fact:
            case Registered() as fact:
                handle, called = self._read(id, fact.handle), self._read(id, fact.name)
                if handle:  # not of who is forgotten
                    self.db.execute("INSERT OR REPLACE INTO people VALUES (?, ?, ?, 0, '')", (id, handle, called))
                    self._put_words(id, handle, called)
            case ProfileChanged() as fact:
                handle, called = self._read(id, fact.handle), self._read(id, fact.name)
                run = "UPDATE people SET handle = ?, name = ?, picture = ? WHERE id = ?"
                here = self.db.execute(run, (handle, called, fact.picture, id))
                if here.rowcount:  # not of who is forgotten
                    self.db.execute("DELETE FROM words WHERE person = ?", (id,))
                    self._put_words(id, handle, called)
            case Forgotten(gone=gone) if gone.what.startswith("person:") and gone.unit in (None, "", "name"):
                self._forget(gone.what.removeprefix("person:"))
            case PersonErased():
                self._forget(id)
            case Blocked(person=person):
                self.db.execute("INSERT OR IGNORE INTO blocks VALUES (?, ?)", (id, person))
            case Unblocked(person=person):
                self.db.execute("DELETE FROM blocks WHERE blocker = ? AND blocked = ?", (id, person))
            case Suspended() | Reinstated() as fact:
                self.db.execute("UPDATE people SET suspended = ? WHERE id = ?", (isinstance(fact, Suspended), id))
            case _:
                pass

    def _forget(self, person: str) -> None:
        self.db.execute("DELETE FROM people WHERE id = ?", (person,))
        self.db.execute("DELETE FROM words WHERE person = ?", (person,))
        self._unwiped = True

    def _put_words(self, id: str, handle: str, name: str) -> None:
        # The whole handle is a word too, since nobody remembers where its underscores are.
        words = {handle.casefold(), *words_of(handle), *words_of(name)}
        self.db.executemany("INSERT OR IGNORE INTO words VALUES (?, ?)", [(word, id) for word in words])

    def find(self, asker: str, sought: str, limit: int) -> list[FoundPerson]:
        """Those who have a word for each one sought that begins with it; whose handle it is comes first.

        Left out are the asker, whoever is suspended, and whoever blocks the asker or is blocked by them.
        """
        handle = sought.strip().removeprefix("@").casefold()
        # Only a whole handle has an underscore in it.
        words = [handle] if re.fullmatch(r"\w+", handle) and "_" in handle else words_of(sought)[:_WORDS]
        if not words:
            return []
        rarest, *others = sorted(words, key=self._how_many)
        also = "AND EXISTS (SELECT 1 FROM words o WHERE o.person = w.person AND o.word >= ? AND o.word < ?)"
        rows: Sequence[tuple[str, str, str, str]] = self.db.execute(
            f"""
            SELECT p.id, p.handle, p.name, p.picture FROM people p
            WHERE p.id IN (
                SELECT id FROM people WHERE lower(handle) = ?
                UNION SELECT person FROM (
                    SELECT person FROM (SELECT person FROM words WHERE word >= ? AND word < ? LIMIT {_LOOKED_AT}) w
                    WHERE true {also * len(others)} LIMIT {_SORTED}
                )
            )
            AND p.suspended = 0 AND p.id != ?
            AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.blocker = p.id AND b.blocked = ?)
            AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.blocker = ? AND b.blocked = p.id)
            ORDER BY lower(p.handle) != ?, p.name COLLATE NOCASE, p.id LIMIT ?
            """,
            (
                handle, rarest, rarest + _LAST, *(end for word in others for end in (word, word + _LAST)),
                asker, asker, asker, handle, limit,
            ),
        ).fetchall()  # fmt: skip
        return [FoundPerson(*row) for row in rows]

    def blocks(self, blocker: str, person: str) -> bool:
        """Whether somebody blocks a person."""
        query = "SELECT 1 FROM blocks WHERE blocker = ? AND blocked = ?"
        return self.db.execute(query, (blocker, person)).fetchone() is not None

    def blockers_of(self, person: str, limit: int) -> list[str]:
        """Some of those who block a person."""
        rows = self.db.execute("SELECT blocker FROM blocks WHERE blocked = ? LIMIT ?", (person, limit))
        return [blocker for (blocker,) in rows]

    def _how_many(self, word: str) -> int:
        """People with a word that begins like that, up to as many as are looked at."""
        counted = f"SELECT count(*) FROM (SELECT 1 FROM words WHERE word >= ? AND word < ? LIMIT {_LOOKED_AT})"
        (many,) = self.db.execute(counted, (word, word + _LAST)).fetchone()
        return int(many)
