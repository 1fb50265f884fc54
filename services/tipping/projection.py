"""What tipping must know of others (who is on which stage, what people are called), and an index of its own tips."""

from __future__ import annotations

from contracts import subjects
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import Received
from libs.eventstore import Notification
from libs.readmodel import ReadModel, StoreModel
from services.tipping.domain import Offered, Payer, Standing


class Stages(ReadModel):
    """Stages of live Spaces and names of people, from the events of room and people."""

    schema = """
        CREATE TABLE spaces (id TEXT PRIMARY KEY, live INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE stage (
            space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
        ) WITHOUT ROWID;
        CREATE TABLE people (id TEXT PRIMARY KEY, handle TEXT NOT NULL, name TEXT NOT NULL) WITHOUT ROWID
    """
    filters = (subjects.events_of("room"), subjects.event("people", "*", "registered"))

    def apply(self, received: Received) -> None:
        match received.event:
            case room.Created(space_id=space):
                self.db.execute("INSERT OR IGNORE INTO spaces VALUES (?, 0)", (space,))
            case room.Started(space_id=space, host=host):
                self.db.execute("INSERT OR REPLACE INTO spaces VALUES (?, 1)", (space,))
                self.db.execute("INSERT OR IGNORE INTO stage VALUES (?, ?)", (space, host.id))
            case room.Ended(space_id=space) | room.Canceled(space_id=space):
                self.db.execute("INSERT OR REPLACE INTO spaces VALUES (?, 0)", (space,))
                self.db.execute("DELETE FROM stage WHERE space_id = ?", (space,))
            case room.StageJoined(space_id=space, person=person):
                self.db.execute("INSERT OR IGNORE INTO stage VALUES (?, ?)", (space, person.id))
            case room.HostChanged(space_id=space, previous_id=person_id):
                self.db.execute("DELETE FROM stage WHERE space_id = ? AND person_id = ?", (space, person_id))
            case (
                room.StageLeft(space_id=space, person_id=person_id) | room.Removed(space_id=space, person_id=person_id)
            ):
                self.db.execute("DELETE FROM stage WHERE space_id = ? AND person_id = ?", (space, person_id))
            case people.Registered(person_id=id, handle=handle, display_name=name):
                self.db.execute("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", (id, handle, name))
            case _:
                pass

    def standing(self, space_id: str, person_id: str) -> Standing:
        """What is known of a person in a Space."""
        row = self.db.execute("SELECT live FROM spaces WHERE id = ?", (space_id,)).fetchone()
        if row is None:
            return Standing.UNKNOWN
        if not row[0]:
            return Standing.NOT_LIVE
        there = self.db.execute(
            "SELECT 1 FROM stage WHERE space_id = ? AND person_id = ?", (space_id, person_id)
        ).fetchone()
        return Standing.ON_STAGE if there else Standing.LISTENING

    def person(self, person_id: str) -> Payer | None:
        """What a person is called; None where they are not known (yet)."""
        row = self.db.execute("SELECT id, handle, name FROM people WHERE id = ?", (person_id,)).fetchone()
        return None if row is None else Payer(*row)


class TipsBySpace(StoreModel):
    """Which tips were offered in a Space, and between whom."""

    schema = """
        CREATE TABLE tips (
            space_id TEXT NOT NULL, place INTEGER NOT NULL, tip_id TEXT NOT NULL,
            payer TEXT NOT NULL, recipient TEXT NOT NULL, PRIMARY KEY (space_id, place)
        ) WITHOUT ROWID
    """

    def apply(self, notification: Notification) -> None:
        if isinstance(fact := notification.fact, Offered):
            self.db.execute(
                "INSERT OR REPLACE INTO tips VALUES (?, ?, ?, ?, ?)",
                (fact.space, notification.id, notification.aggregate_id, fact.payer, fact.recipient),
            )

    def of(self, space_id: str, person_id: str, most: int) -> list[str]:
        """Aggregate ids of the tips a person gave or was offered in a Space, oldest first."""
        rows = self.db.execute(
            "SELECT tip_id FROM tips WHERE space_id = ? AND ? IN (payer, recipient) ORDER BY place LIMIT ?",
            (space_id, person_id, most),
        )
        return [row[0] for row in rows]
