"""Which picture somebody has, and whose older ones may still be stored."""

from __future__ import annotations

from libs.eventstore import Notification
from libs.readmodel import StoreModel
from services.people.domain.erasure import PersonErased
from services.people.domain.profile import ProfileChanged


class PicturesKept(StoreModel):
    """The picture of everybody who may have one stored, as of the last `catch_up`."""

    schema = """
        CREATE TABLE pictures (
            person TEXT PRIMARY KEY, picture TEXT NOT NULL, settled INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID;
        CREATE INDEX pictures_owed ON pictures (person) WHERE settled = 0
    """

    def apply(self, notification: Notification) -> None:
        person = notification.aggregate_id
        match notification.fact:
            case ProfileChanged(picture=picture):
                if picture or self.of(person):
                    run = """
                        INSERT INTO pictures VALUES (?, ?, 0) ON CONFLICT (person) DO UPDATE
                        SET picture = excluded.picture, settled = 0 WHERE picture != excluded.picture
                    """
                    self.db.execute(run, (person, picture))
            case PersonErased():
                # Also of who never had one: one may have been stored just before a crash.
                run = """
                    INSERT INTO pictures VALUES (?, '', 0) ON CONFLICT (person) DO UPDATE SET picture = '', settled = 0
                """
                self.db.execute(run, (person,))
            case _:
                pass

    def of(self, person: str) -> str:
        """The id of the picture that somebody has; empty for none."""
        row = self.db.execute("SELECT picture FROM pictures WHERE person = ?", (person,)).fetchone()
        return "" if row is None else str(row[0])

    def owed(self, limit: int) -> list[str]:
        """Some of those of whom another picture than theirs may be stored."""
        rows = self.db.execute("SELECT person FROM pictures WHERE settled = 0 ORDER BY person LIMIT ?", (limit,))
        return [person for (person,) in rows]

    def owe(self, person: str) -> None:
        """Another picture than theirs is about to be stored."""
        with self.transaction():
            run = "INSERT INTO pictures VALUES (?, '', 0) ON CONFLICT (person) DO UPDATE SET settled = 0"
            self.db.execute(run, (person,))

    def settle(self, person: str, picture: str) -> None:
        """No other one than this is stored of them."""
        with self.transaction():
            run = "UPDATE pictures SET settled = 1 WHERE person = ? AND picture = ?"
            self.db.execute(run, (person, picture))
