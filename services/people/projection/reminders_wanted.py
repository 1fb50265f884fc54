"""Of which Spaces somebody wants to be reminded."""

from __future__ import annotations

from libs.eventstore import Notification
from libs.readmodel import StoreModel
from services.people.domain.entities import reminded_space
from services.people.domain.reminders import ReminderCleared, ReminderSet


class RemindersWanted(StoreModel):
    """Reminders by person."""

    schema = "CREATE TABLE wanted (person TEXT, space TEXT, PRIMARY KEY (person, space)) WITHOUT ROWID"

    def apply(self, notification: Notification) -> None:
        space = reminded_space(notification.aggregate_id)
        match notification.fact:
            case ReminderSet(person=person):
                self.db.execute("INSERT OR IGNORE INTO wanted VALUES (?, ?)", (person, space))
            case ReminderCleared(person=person):
                self.db.execute("DELETE FROM wanted WHERE person = ? AND space = ?", (person, space))
            case _:
                pass

    def of(self, person: str) -> list[str]:
        """The Spaces, whatever became of them."""
        rows = self.db.execute("SELECT space FROM wanted WHERE person = ?", (person,))
        return [space for (space,) in rows]
