"""Who may be told of whom: who there is, whom they follow and block, and who wants to be told in a browser."""

from __future__ import annotations

from contracts import subjects
from contracts.notifications import v1
from contracts.people import v1 as people
from libs.bus import Received
from libs.readmodel import ReadModel


class Audience(ReadModel):
    """From the events of people, and those of notifications itself."""

    schema = """
        CREATE TABLE people (id TEXT PRIMARY KEY, suspended INTEGER NOT NULL, gone INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE follows (followee TEXT, follower TEXT, PRIMARY KEY (followee, follower)) WITHOUT ROWID;
        CREATE TABLE blocks (person TEXT, other TEXT, PRIMARY KEY (person, other)) WITHOUT ROWID;
        CREATE TABLE browsers (
            person TEXT, subscription TEXT, reminders INTEGER NOT NULL, live INTEGER NOT NULL,
            PRIMARY KEY (person, subscription)
        ) WITHOUT ROWID
    """
    filters = (subjects.events_of("people"), subjects.events_of("notifications"))

    def apply(self, received: Received) -> None:
        run = self.db.execute
        match received.event:
            case people.Registered(person_id=person):
                run("INSERT OR IGNORE INTO people VALUES (?, 0, 0)", (person,))
            case people.Suspended(person_id=person) | people.Reinstated(person_id=person) as e:
                run("INSERT OR IGNORE INTO people VALUES (?, 0, 0)", (person,))
                suspended = int(isinstance(e, people.Suspended))
                run("UPDATE people SET suspended = ? WHERE id = ?", (suspended, person))
            case people.Erased(person_id=person):
                run("INSERT INTO people VALUES (?, 0, 1) ON CONFLICT (id) DO UPDATE SET gone = 1", (person,))
                run("DELETE FROM follows WHERE follower = ?", (person,))
                run("DELETE FROM browsers WHERE person = ?", (person,))
            case people.Followed() as e:
                run("INSERT OR IGNORE INTO follows VALUES (?, ?)", (e.followee_id, e.person_id))
            case people.Unfollowed() as e:
                run("DELETE FROM follows WHERE followee = ? AND follower = ?", (e.followee_id, e.person_id))
            case people.Blocked() as e:
                run("INSERT OR IGNORE INTO blocks VALUES (?, ?)", (e.person_id, e.blocked_id))
            case people.Unblocked() as e:
                run("DELETE FROM blocks WHERE person = ? AND other = ?", (e.person_id, e.blocked_id))
            case v1.PushSubscribed() as e:
                row = (e.person_id, e.subscription_id, int(e.reminders), int(e.live))
                run("INSERT OR REPLACE INTO browsers VALUES (?, ?, ?, ?)", row)
            case v1.PushUnsubscribed() as e:
                run("DELETE FROM browsers WHERE person = ? AND subscription = ?", (e.person_id, e.subscription_id))
            case _:
                pass

    def is_there(self, person: str) -> bool:
        """Whether somebody is known and not erased."""
        row = self.db.execute("SELECT gone FROM people WHERE id = ?", (person,)).fetchone()
        return row is not None and not row[0]

    def is_refused(self, person: str) -> bool:
        """Whether somebody is suspended or erased."""
        row = self.db.execute("SELECT suspended OR gone FROM people WHERE id = ?", (person,)).fetchone()
        return row is not None and bool(row[0])

    def is_blocked(self, one: str, other: str) -> bool:
        """Whether either blocks the other."""
        query = "SELECT 1 FROM blocks WHERE (person = ? AND other = ?) OR (person = ? AND other = ?)"
        return self.db.execute(query, (one, other, other, one)).fetchone() is not None

    def followers_to_tell(self, person: str, after: str, limit: int) -> tuple[list[str], str | None]:
        """Of the `limit` followers of somebody that come after one, by their ids, those who want to be told when that
        person is live, and may be; and the last one looked at, None where there are no more."""
        rows = self.db.execute(
            "SELECT f.follower, EXISTS (SELECT 1 FROM browsers AS b WHERE b.person = f.follower AND b.live = 1) AND "
            "NOT EXISTS (SELECT 1 FROM people AS p WHERE p.id = f.follower AND (p.suspended OR p.gone)) "
            "FROM follows AS f WHERE f.followee = ? AND f.follower > ? ORDER BY f.follower LIMIT ?",
            (person, after, limit),
        ).fetchall()
        found = [follower for follower, wants in rows if wants and not self.is_blocked(person, follower)]
        return found, rows[-1][0] if len(rows) == limit else None
