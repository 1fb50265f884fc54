"""Who follows whom, from the followed person's side: what no aggregate knows."""

from __future__ import annotations

from datetime import datetime

from libs.eventstore import Notification
from libs.readmodel import StoreModel
from services.people.domain.person import Followed, Unfollowed


class Follows(StoreModel):
    """The follow graph as it is committed."""

    schema = """
        CREATE TABLE follows (
            followee TEXT NOT NULL, follower TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (followee, follower)
        ) WITHOUT ROWID;
        CREATE INDEX follows_at ON follows (followee, at);
        CREATE TABLE followers (person TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID
    """

    def apply(self, notification: Notification) -> None:
        follower = notification.aggregate_id
        match notification.fact:
            case Followed(followee=followee):
                at = notification.record.at.isoformat()
                change = self.db.execute(
                    "INSERT OR IGNORE INTO follows VALUES (?, ?, ?)", (followee, follower, at)
                ).rowcount
            case Unfollowed(followee=followee):
                change = -self.db.execute(
                    "DELETE FROM follows WHERE followee = ? AND follower = ?", (followee, follower)
                ).rowcount
            case _:
                return
        self.db.execute(
            "INSERT INTO followers VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET count = count + excluded.count",
            (followee, change),
        )

    def followers(self, person: str) -> int:
        """How many follow a person."""
        row = self.db.execute("SELECT count FROM followers WHERE person = ?", (person,)).fetchone()
        return 0 if row is None else int(row[0])

    def followers_of(self, person: str, limit: int) -> list[str]:
        """Some of those who follow a person."""
        rows = self.db.execute("SELECT follower FROM follows WHERE followee = ? LIMIT ?", (person, limit))
        return [follower for (follower,) in rows]

    def page(self, person: str, after: str, limit: int) -> list[tuple[str, datetime]]:
        """Those who follow a person and since when, by id, behind one."""
        query = "SELECT follower, at FROM follows WHERE followee = ? AND follower > ? ORDER BY follower LIMIT ?"
        rows = self.db.execute(query, (person, after, limit))
        return [(follower, datetime.fromisoformat(at)) for follower, at in rows]

    def reached(self, person: str, followers: int) -> datetime | None:
        """Since when a person has had that many of those who follow them now; None where they have fewer."""
        if followers < 1:
            return None
        query = "SELECT at FROM follows WHERE followee = ? ORDER BY at LIMIT 1 OFFSET ?"
        row = self.db.execute(query, (person, followers - 1)).fetchone()
        return None if row is None else datetime.fromisoformat(row[0])
