"""What was taken back or is over, and whose keys are still to be destroyed."""

from __future__ import annotations

from typing import Final

from libs.eventstore import Notification
from libs.readmodel import StoreModel
from services.room.domain.facts import (
    Canceled,
    Created,
    Deleted,
    Ended,
    HandLowered,
    HandRaised,
    Muted,
    Pinned,
    Removed,
    RequestCanceled,
    RequestDeclined,
    SettingsChanged,
    SpeakRequested,
    StageJoined,
    Started,
    Unmuted,
    Unpinned,
)
from services.room.domain.written import WORDED, pin_unit, place_of, request_unit

_AT_ONCE: Final = 1000
_OFTEN: Final = frozenset({Muted, Unmuted, HandRaised, HandLowered})
"""What happens most, and takes nothing back: it takes longer to look for it among all else."""


class TakenBack(StoreModel):
    """Whose keys nobody needs any more, of the whole store, as of the last `catch_up`: units of words, of pins that
    were taken away, of requests to speak that are over and of everything in deleted Spaces; and ephemeral Spaces that
    are over, as a whole."""

    schema = """
        CREATE TABLE kept (
            space_id TEXT, what TEXT, person_id TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (space_id, what)
        ) WITHOUT ROWID;
        CREATE TABLE owed (
            space_id TEXT, person_id TEXT, unit TEXT, PRIMARY KEY (space_id, person_id, unit)
        ) WITHOUT ROWID;
        -- All that anybody wrote and that is not destroyed.
        CREATE TABLE written (
            space_id TEXT, person_id TEXT, unit TEXT, PRIMARY KEY (space_id, person_id, unit)
        ) WITHOUT ROWID;
        CREATE TABLE ephemeral (space_id TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE over (space_id TEXT PRIMARY KEY) WITHOUT ROWID
    """

    def apply(self, notification: Notification) -> None:
        space_id, record = notification.aggregate_id, notification.record
        fact = record.fact
        if type(fact) in _OFTEN:
            return
        if type(fact) in WORDED and (place := place_of(fact, notification.version, record.actor)) is not None:
            self.db.execute("INSERT OR IGNORE INTO written VALUES (?, ?, ?)", (space_id, *place))
        match fact:
            case Created(settings=settings) | SettingsChanged(settings=settings) | Started(settings=settings):
                keep = "INSERT OR IGNORE INTO ephemeral VALUES (?)"
                self.db.execute(keep if settings.ephemeral else "DELETE FROM ephemeral WHERE space_id = ?", (space_id,))
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
            case Ended() | Canceled() if self._is_ephemeral(space_id):
                for table in ("kept", "owed", "written", "ephemeral"):
                    self.db.execute(f"DELETE FROM {table} WHERE space_id = ?", (space_id,))
                self.db.execute("INSERT OR IGNORE INTO over VALUES (?)", (space_id,))
            case Deleted():
                self.db.execute("INSERT OR IGNORE INTO owed SELECT * FROM written WHERE space_id = ?", (space_id,))
                for table in ("kept", "written"):
                    self.db.execute(f"DELETE FROM {table} WHERE space_id = ?", (space_id,))
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

    def _is_ephemeral(self, space_id: str) -> bool:
        return self.db.execute("SELECT 1 FROM ephemeral WHERE space_id = ?", (space_id,)).fetchone() is not None

    def over(self) -> list[str]:
        """Ephemeral Spaces whose keys are to be destroyed; not all of them where there are many."""
        return [row[0] for row in self.db.execute("SELECT space_id FROM over LIMIT ?", (_AT_ONCE,))]

    def gone(self, space_id: str) -> None:
        """The keys of a Space are destroyed."""
        self.db.execute("DELETE FROM over WHERE space_id = ?", (space_id,))

    def owed(self) -> dict[tuple[str, str], list[str]]:
        """Units to be destroyed, by Space and person; not all of them where there are many."""
        found: dict[tuple[str, str], list[str]] = {}
        for space_id, person_id, unit in self.db.execute("SELECT * FROM owed LIMIT ?", (_AT_ONCE,)):
            found.setdefault((space_id, person_id), []).append(unit)
        return found

    def destroyed(self, space_id: str, person_id: str, unit: str) -> None:
        """A unit is owed no longer."""
        for table in ("owed", "written"):
            query = f"DELETE FROM {table} WHERE space_id = ? AND person_id = ? AND unit = ?"
            self.db.execute(query, (space_id, person_id, unit))


def _request_of(person_id: str) -> str:
    return f"request of {person_id}"
