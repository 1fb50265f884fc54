"""Which Spaces there is something to do about: what is on or to come, and whose it is."""

from __future__ import annotations

from pathlib import Path

from libs.eventstore import Notification
from libs.readmodel import StoreModel
from services.room.domain.facts import (
    TIMELESS,
    Canceled,
    Created,
    Ended,
    HostChanged,
    Invited,
    Removed,
    SpeakRequested,
    StageJoined,
    Started,
)


class Agenda(StoreModel):
    """Scheduled and live Spaces of the whole store, as of the last `catch_up`."""

    schema = """
        CREATE TABLE spaces (id TEXT PRIMARY KEY, live INTEGER NOT NULL, host_id TEXT NOT NULL) WITHOUT ROWID;
        CREATE INDEX spaces_by_host ON spaces (host_id);
        CREATE TABLE known (
            person_id TEXT, space_id TEXT, PRIMARY KEY (person_id, space_id)
        ) WITHOUT ROWID;
        CREATE INDEX known_by_space ON known (space_id)
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._changed: set[str] = set()

    def apply(self, notification: Notification) -> None:
        space_id, fact = notification.aggregate_id, notification.record.fact
        if type(fact) in TIMELESS:
            return
        self._changed.add(space_id)
        match fact:
            case Created():
                self.db.execute("INSERT OR REPLACE INTO spaces VALUES (?, 0, ?)", (space_id, fact.host.id))
            case Started():
                self.db.execute("INSERT OR REPLACE INTO spaces VALUES (?, 1, ?)", (space_id, fact.host.id))
            case HostChanged():
                self.db.execute("UPDATE spaces SET host_id = ? WHERE id = ?", (fact.host.id, space_id))
            case Ended() | Canceled():
                self.db.execute("DELETE FROM spaces WHERE id = ?", (space_id,))
                self.db.execute("DELETE FROM known WHERE space_id = ?", (space_id,))
            case SpeakRequested() | StageJoined() | Invited():
                self.db.execute("INSERT OR IGNORE INTO known VALUES (?, ?)", (fact.person.id, space_id))
            case Removed():
                self.db.execute("INSERT OR IGNORE INTO known VALUES (?, ?)", (fact.person_id, space_id))
            case _:
                pass

    def changed(self) -> set[str]:
        """Spaces with new facts, from which something may follow with time, since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed

    def all(self) -> list[str]:
        """Live and scheduled ones."""
        return [row[0] for row in self.db.execute("SELECT id FROM spaces")]

    def live(self) -> list[str]:
        """Live ones, in order of their ids."""
        return [row[0] for row in self.db.execute("SELECT id FROM spaces WHERE live = 1 ORDER BY id")]

    def of_host(self, person_id: str) -> list[str]:
        """Live and scheduled Spaces of a host."""
        return [row[0] for row in self.db.execute("SELECT id FROM spaces WHERE host_id = ?", (person_id,))]

    def live_of(self, person_id: str) -> int:
        """How many Spaces of a host are live."""
        row = self.db.execute("SELECT count(*) FROM spaces WHERE host_id = ? AND live", (person_id,)).fetchone()
        return int(row[0])

    def of_person(self, person_id: str) -> list[str]:
        """Those that know somebody: on stage, waiting, invited or removed, now or before; and those they host."""
        rows = self.db.execute("SELECT space_id FROM known WHERE person_id = ?", (person_id,))
        return [row[0] for row in rows] + self.of_host(person_id)
