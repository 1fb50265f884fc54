"""What room must know of people: who they are, whom they follow, whom they block."""

from __future__ import annotations

from collections.abc import Callable

from contracts import subjects
from contracts.people import v1 as people
from libs.bus import Received
from libs.readmodel import ReadModel
from libs.refusal import Refusal
from services.room.domain import Person


class People(ReadModel):
    """People as the events of the people service tell."""

    schema = """
        CREATE TABLE people (id TEXT PRIMARY KEY, handle TEXT NOT NULL, name TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE follows (person_id TEXT, followee_id TEXT, PRIMARY KEY (person_id, followee_id)) WITHOUT ROWID;
        CREATE TABLE blocks (person_id TEXT, blocked_id TEXT, PRIMARY KEY (person_id, blocked_id)) WITHOUT ROWID
    """
    filters = (subjects.events_of("people"),)

    def apply(self, received: Received) -> None:
        run = self.db.execute
        match received.event:
            case people.Registered() as e:
                run("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", (e.person_id, e.handle, e.display_name))
            case people.Followed() as e:
                run("INSERT OR IGNORE INTO follows VALUES (?, ?)", (e.person_id, e.followee_id))
            case people.Unfollowed() as e:
                run("DELETE FROM follows WHERE person_id = ? AND followee_id = ?", (e.person_id, e.followee_id))
            case people.Blocked() as e:
                run("INSERT OR IGNORE INTO blocks VALUES (?, ?)", (e.person_id, e.blocked_id))
            case people.Unblocked() as e:
                run("DELETE FROM blocks WHERE person_id = ? AND blocked_id = ?", (e.person_id, e.blocked_id))
            case _:
                pass

    def find(self, person_id: str) -> Person | None:
        row = self.db.execute("SELECT id, handle, name FROM people WHERE id = ?", (person_id,)).fetchone()
        return None if row is None else Person(*row)

    async def person(self, person_id: str | None, wait: float) -> Person:
        """Somebody who is known, or becomes so within `wait` seconds. Raises Refusal person_unknown, to be retried."""
        if person_id is None:
            raise Refusal("unauthenticated", "Sign in to do that.")
        person = self.find(person_id)
        if person is None and wait and await self.until(self._known(person_id), wait):
            person = self.find(person_id)
        if person is None:
            raise Refusal("person_unknown", "We do not know you yet; try again in a moment.", retry=True)
        return person

    def _known(self, person_id: str) -> Callable[[], bool]:
        return lambda: self.find(person_id) is not None

    def follows(self, person_id: str | None, followee_id: str) -> bool:
        query = "SELECT 1 FROM follows WHERE person_id = ? AND followee_id = ?"
        return self.db.execute(query, (person_id, followee_id)).fetchone() is not None

    def blocked(self, one: str | None, other: str) -> bool:
        """Whether either blocks the other."""
        if one is None:
            return False
        query = "SELECT 1 FROM blocks WHERE (person_id = ? AND blocked_id = ?) OR (person_id = ? AND blocked_id = ?)"
        return self.db.execute(query, (one, other, other, one)).fetchone() is not None
