"""Words that were taken back, and whose keys are still to be destroyed."""

from __future__ import annotations

from typing import Final

from libs.eventstore import Notification
from libs.readmodel import StoreModel
from services.room.domain.facts import (
    Ended,
    Pinned,
    Removed,
    RequestCanceled,
    RequestDeclined,
    SpeakRequested,
    StageJoined,
    Unpinned,
)
from services.room.domain.written import pin_unit, request_unit

_AT_ONCE: Final = 1000


class TakenBack(StoreModel):
    """Units of words that nobody needs any more, of the whole store, as of the last `catch_up`: of pins that were taken
    away, and of requests to speak that are over."""

    schema = """
        CREATE TABLE kept (
            space_id TEXT, what TEXT, person_id TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (space_id, what)
        ) WITHOUT ROWID;
        CREATE TABLE owed (
            space_id TEXT, person_id TEXT, unit TEXT, PRIMARY KEY (space_id, person_id, unit)
        ) WITHOUT ROWID
    """

    def apply(self, notification: Notification) -> None:
        space_id = notification.aggregate_id
        match notification.record.fact:
            case Pinned(pin_id=pin_id, person=person):
                self._keep(space_id, pin_unit(pin_id), person.id, pin_unit(pin_id))
            case Unpinned(pin_id=pin_id):
                self._take_back(space_id, pin_unit(pin_id))
            case SpeakRequested(person=person, message=message) if message:
                self._keep(space_id, _request_of(person.id), person.id, request_unit(notification.version))
            case (
                RequestCanceled(person_id=person_id)
                | RequestDeclined(person_id=person_id)
                | Removed(person_id=person_id)
            ):
                self._take_back(space_id, _request_of(person_id))
            case StageJoined(person=person):
                self._take_back(space_id, _request_of(person.id))
            case Ended():
                for (what,) in self.db.execute(
                    "SELECT what FROM kept WHERE space_id = ? AND unit LIKE 'request/%'", (space_id,)
                ).fetchall():
                    self._take_back(space_id, what)
                # Pins stay: nobody can take them away any more.
                self.db.execute("DELETE FROM kept WHERE space_id = ?", (space_id,))
            case _:
                pass

    def _keep(self, space_id: str, what: str, person_id: str, unit: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", (space_id, what, person_id, unit))

    def _take_back(self, space_id: str, what: str) -> None:
        taken = "SELECT space_id, person_id, unit FROM kept WHERE space_id = ? AND what = ?"
        self.db.execute(f"INSERT OR IGNORE INTO owed {taken}", (space_id, what))
        self.db.execute("DELETE FROM kept WHERE space_id = ? AND what = ?", (space_id, what))

    def owed(self) -> dict[tuple[str, str], list[str]]:
        """Units to be destroyed, by Space and person; not all of them where there are many."""
        found: dict[tuple[str, str], list[str]] = {}
        for space_id, person_id, unit in self.db.execute("SELECT * FROM owed LIMIT ?", (_AT_ONCE,)):
            found.setdefault((space_id, person_id), []).append(unit)
        return found

    def destroyed(self, space_id: str, person_id: str, unit: str) -> None:
        """A unit is owed no longer."""
        query = "DELETE FROM owed WHERE space_id = ? AND person_id = ? AND unit = ?"
        self.db.execute(query, (space_id, person_id, unit))


def _request_of(person_id: str) -> str:
    return f"request of {person_id}"
