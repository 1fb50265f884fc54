"""Who is erased, and what is still to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.eventstore import Notification
from libs.readmodel import StoreModel
from services.people.domain.erasure import HandleFreed, PersonErased
from services.people.domain.forgetting import Forgotten
from services.people.projection.acts import sortable

PERSON: Final = "person:"
"""What the name of a person's keys begins with."""


@dataclass(frozen=True, slots=True)
class ErasedPerson:
    """Somebody who is erased."""

    person: str
    at: datetime
    forgotten_at: datetime | None
    """When no process had their keys any more."""
    handle_kept_until: datetime | None


class Erasures(StoreModel):
    """Everybody who was erased, and everybody whose keys are destroyed."""

    schema = """
        CREATE TABLE erased (person TEXT PRIMARY KEY, at TEXT NOT NULL, handle_kept_until TEXT) WITHOUT ROWID;
        CREATE INDEX kept ON erased (handle_kept_until);
        CREATE TABLE forgotten (person TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID
    """

    def apply(self, notification: Notification) -> None:
        run, person, at = self.db.execute, notification.aggregate_id, sortable(notification.record.at)
        match notification.fact:
            case PersonErased(handle_kept_until=until):
                kept = None if until is None else sortable(until)
                run("INSERT OR REPLACE INTO erased VALUES (?, ?, ?)", (person, at, kept))
            case HandleFreed():
                run("UPDATE erased SET handle_kept_until = NULL WHERE person = ?", (person,))
            case Forgotten(gone=gone) if gone.unit is None and gone.what.startswith(PERSON) and "|" not in gone.what:
                run("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", (gone.what.removeprefix(PERSON), at))
            case _:
                pass

    def find(self, person: str) -> ErasedPerson | None:
        """What is known of somebody's erasure; None for who is not erased."""
        row = self.db.execute(
            "SELECT e.at, f.at, e.handle_kept_until FROM erased e LEFT JOIN forgotten f ON f.person = e.person "
            "WHERE e.person = ?",
            (person,),
        ).fetchone()
        return None if row is None else ErasedPerson(person, *(None if at is None else _moment(at) for at in row))  # type: ignore[arg-type]

    def is_gone(self, person: str) -> bool:
        """Whether somebody is erased, or their keys are destroyed."""
        query = "SELECT 1 FROM erased WHERE person = ? UNION ALL SELECT 1 FROM forgotten WHERE person = ?"
        return self.db.execute(query, (person, person)).fetchone() is not None

    def everybody(self) -> list[str]:
        """All who are erased."""
        return [person for (person,) in self.db.execute("SELECT person FROM erased ORDER BY at")]

    def owed(self) -> list[str]:
        """Who is erased and not forgotten yet."""
        query = "SELECT person FROM erased WHERE person NOT IN (SELECT person FROM forgotten) ORDER BY at"
        return [person for (person,) in self.db.execute(query)]

    def returned(self) -> list[str]:
        """Whose keys are destroyed and who is not erased: a store of an earlier day was put back."""
        query = "SELECT person FROM forgotten WHERE person NOT IN (SELECT person FROM erased) ORDER BY at"
        return [person for (person,) in self.db.execute(query)]

    def due(self, now: datetime) -> list[str]:
        """Whose handle others may take from now on."""
        query = "SELECT person FROM erased WHERE handle_kept_until <= ? ORDER BY handle_kept_until LIMIT 500"
        return [person for (person,) in self.db.execute(query, (sortable(now),))]

    def next_due(self) -> datetime | None:
        """When the next handle is free."""
        (at,) = self.db.execute("SELECT min(handle_kept_until) FROM erased").fetchone()
        return None if at is None else _moment(at)


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)
