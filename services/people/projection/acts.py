"""One act of moderation, whoever told of it, and how the log is paged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from libs.keyring import Words
from libs.refusal import Refusal
from services.people.projection.word_columns import column, words_of

TABLE: Final = """
    CREATE TABLE acts (
        id TEXT PRIMARY KEY, at TEXT NOT NULL, actor TEXT, act TEXT NOT NULL, person TEXT, space TEXT,
        reason TEXT NOT NULL, explanation TEXT NOT NULL, report TEXT, undoable INTEGER NOT NULL, undone_by TEXT,
        api_key TEXT, what TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, lock TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX acts_at ON acts (at, id);
    CREATE INDEX acts_person ON acts (person, at);
    CREATE INDEX acts_actor ON acts (actor, at);
    CREATE INDEX acts_space ON acts (space, at)
"""
_COLUMNS: Final = (
    "id, at, actor, act, person, space, reason, explanation, report, undoable, undone_by, api_key, what, before, "
    "after, lock"
)


@dataclass(frozen=True, slots=True)
class Act:
    """Who did what to whom, where, when and why."""

    id: str
    """`<aggregate>-<version>`: the same for ever."""
    at: datetime
    actor: str | None
    act: str
    person: str | None = None
    space: str | None = None
    reason: str = ""
    explanation: Words = ""
    report: str | None = None
    undoable: bool = False
    undone_by: str | None = None
    api_key: str | None = None
    """With which a server of the host product did it."""
    what: str = ""
    """What was changed, from what to what, in words; empty where an act changes nothing that stays."""
    before: str = ""
    after: str = ""
    lock: str = ""
    """What the explanation is sealed under, where that is neither the report's lock nor the person's."""

    @property
    def place(self) -> LogPlace:
        """Its place in the log."""
        return LogPlace(sortable(self.at), self.id)


@dataclass(frozen=True, slots=True, order=True)
class LogPlace:
    """A place in the log, which is ordered by time and then by id; written `<at>~<id>`."""

    at: str
    id: str

    def __str__(self) -> str:
        return f"{self.at}~{self.id}"

    @classmethod
    def read(cls, text: str | None) -> LogPlace | None:
        """The place a cursor says. Refuses: invalid."""
        if text is None:
            return None
        at, found, id = text.partition("~")
        if not found or not id:
            raise Refusal("invalid", "This is no cursor of the log.")
        return cls(at, id)


def sortable(at: datetime) -> str:
    """A time whose text sorts as it does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def add(db: sqlite3.Connection, act: Act) -> None:
    """Put an act on the log; one that is there already stays as it is."""
    db.execute(
        f"INSERT OR IGNORE INTO acts ({_COLUMNS}) VALUES ({', '.join('?' * 16)})",
        (act.id, sortable(act.at), act.actor, act.act, act.person, act.space, act.reason, column(act.explanation),
         act.report, act.undoable, act.undone_by, act.api_key, act.what, act.before, act.after, act.lock),
    )  # fmt: skip


Read = Callable[[str | bytes], Words]
"""What was written, from a column."""


def find(db: sqlite3.Connection, id: str, read: Read = words_of) -> Act | None:
    """One act."""
    row = db.execute(f"SELECT {_COLUMNS} FROM acts WHERE id = ?", (id,)).fetchone()
    return None if row is None else _act(row, read)


def page(
    db: sqlite3.Connection,
    before: LogPlace | None,
    person: str | None,
    space: str | None,
    limit: int,
    read: Read = words_of,
) -> list[Act]:
    """Acts before a place, newest first; of one person or one Space where given."""
    conditions, values = ["1"], list[object]()
    if before is not None:
        conditions.append("(at, id) < (?, ?)")
        values += [before.at, before.id]
    if person is not None:
        conditions.append("(person = ? OR actor = ?)")
        values += [person, person]
    if space is not None:
        conditions.append("space = ?")
        values.append(space)
    query = f"SELECT {_COLUMNS} FROM acts WHERE {' AND '.join(conditions)} ORDER BY at DESC, id DESC LIMIT ?"
    return [_act(row, read) for row in db.execute(query, (*values, limit))]


def _act(row: tuple[Any, ...], read: Read) -> Act:
    (
        id,
        at,
        actor,
        act,
        person,
        space,
        reason,
        explanation,
        report,
        undoable,
        undone_by,
        api_key,
        what,
        before,
        after,
        lock,
    ) = row
    return Act(
        id,
        datetime.fromisoformat(at),
        actor,
        act,
        person,
        space,
        reason,
        read(explanation),
        report,
        bool(undoable),
        undone_by,
        api_key,
        what,
        before,
        after,
        lock,
    )


def standing(db: sqlite3.Connection, person: str | None) -> str:
    """What the log says last of somebody's standing; see `suspended_until`."""
    row = db.execute(
        "SELECT after FROM acts WHERE person = ? AND what = ? ORDER BY at DESC, id DESC LIMIT 1", (person, STANDING)
    ).fetchone()
    return GOOD if row is None else str(row[0])


STANDING: Final = "standing"
GOOD: Final = "in good standing"


def suspended_until(until: datetime | None) -> str:
    """A suspension in words."""
    return "suspended" if until is None else f"suspended until {until.astimezone(UTC).isoformat(timespec='seconds')}"
