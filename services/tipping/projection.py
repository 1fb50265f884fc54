"""What tipping must know of others (who is on which stage, what people are called), and an index of its own tips."""

from __future__ import annotations

from pathlib import Path

from contracts import subjects
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs import names
from libs.bus import Received
from libs.eventstore import Notification
from libs.readmodel import ReadModel, StoreModel
from services.tipping.domain.tip import Offered, Whereabouts


class Stages(ReadModel):
    """Stages of live Spaces and names of people, from the events of room and people."""

    schema = f"""
        CREATE TABLE spaces (id TEXT PRIMARY KEY, live INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE stage (
            space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
        ) WITHOUT ROWID;
        {names.TABLE};
        CREATE TABLE erased (person_id TEXT PRIMARY KEY, settled INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
        CREATE TABLE forgotten_spaces (space_id TEXT PRIMARY KEY, settled INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID
    """
    filters = (subjects.events_of("room"), *names.FILTERS)
    overwrites = True

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.names = names.Names(self)

    def apply(self, received: Received) -> None:
        self.names.apply(received.event)
        match received.event:
            case people.Erased(person_id=person_id):
                self.db.execute("INSERT OR IGNORE INTO erased (person_id) VALUES (?)", (person_id,))
            case people.Forgotten(whole=("space", space_id)):
                self.db.execute("INSERT OR IGNORE INTO forgotten_spaces (space_id) VALUES (?)", (space_id,))
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
            case _:
                pass

    def whereabouts(self, space_id: str, person_id: str) -> Whereabouts:
        """What is known of a person in a Space."""
        row = self.db.execute("SELECT live FROM spaces WHERE id = ?", (space_id,)).fetchone()
        if row is None:
            return Whereabouts.UNKNOWN
        if not row[0]:
            return Whereabouts.NOT_LIVE
        there = self.db.execute(
            "SELECT 1 FROM stage WHERE space_id = ? AND person_id = ?", (space_id, person_id)
        ).fetchone()
        return Whereabouts.ON_STAGE if there else Whereabouts.LISTENING

    def is_erased(self, person_id: str) -> bool:
        """Whether somebody is erased."""
        return self.db.execute("SELECT 1 FROM erased WHERE person_id = ?", (person_id,)).fetchone() is not None

    def erased_and_owed(self) -> list[str]:
        """Who is erased and may have an open jar or tips still."""
        return [person for (person,) in self.db.execute("SELECT person_id FROM erased WHERE settled = 0")]

    def settle(self, person_id: str) -> None:
        """They have none any more."""
        with self.transaction():
            self.db.execute("UPDATE erased SET settled = 1 WHERE person_id = ?", (person_id,))

    def forgotten_and_owed(self) -> list[str]:
        """The Spaces that are forgotten, while words of tips in them may be left."""
        return [space for (space,) in self.db.execute("SELECT space_id FROM forgotten_spaces WHERE settled = 0")]

    def settle_space(self, space_id: str) -> None:
        """There are none any more."""
        with self.transaction():
            self.db.execute("UPDATE forgotten_spaces SET settled = 1 WHERE space_id = ?", (space_id,))

    def knows(self, person_id: str) -> bool:
        """Whether somebody is known here already, and not gone."""
        known = self.names.find(person_id)
        return known is not None and not known.gone


class TipsBySpace(StoreModel):
    """Which tips were offered in a Space, and between whom."""

    schema = """
        CREATE TABLE tips (
            space_id TEXT NOT NULL, place INTEGER NOT NULL, tip_id TEXT NOT NULL,
            payer TEXT NOT NULL, recipient TEXT NOT NULL, PRIMARY KEY (space_id, place)
        ) WITHOUT ROWID;
        CREATE INDEX tips_payer ON tips (payer);
        CREATE INDEX tips_recipient ON tips (recipient)
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

    def of_space(self, space_id: str) -> list[tuple[str, str, str]]:
        """All tips in a Space: aggregate id, payer and recipient."""
        return self.db.execute("SELECT tip_id, payer, recipient FROM tips WHERE space_id = ?", (space_id,)).fetchall()

    def of_person(self, person_id: str) -> list[str]:
        """Aggregate ids of all tips a person gave or was offered, oldest first."""
        rows = self.db.execute(
            "SELECT tip_id FROM tips WHERE payer = ? OR recipient = ? ORDER BY place", (person_id, person_id)
        )
        return [row[0] for row in rows]
