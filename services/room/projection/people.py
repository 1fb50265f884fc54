"""What room must know of people: who they are, whom they follow and block, whether they may host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from contracts import subjects
from contracts.growing import read
from contracts.people import hosting
from contracts.people import v1 as people
from libs import names
from libs.bus import Received
from libs.readmodel import ReadModel
from libs.refusal import Refusal
from services.room.domain.values import Person


class People(ReadModel):
    """People as the events of the people service tell."""

    overwrites = True
    schema = f"""
        {names.TABLE};
        CREATE TABLE traits (
            person_id TEXT PRIMARY KEY,
            followers INTEGER NOT NULL DEFAULT 0,
            suspended INTEGER NOT NULL DEFAULT 0,
            listed INTEGER NOT NULL DEFAULT 0,
            protected INTEGER NOT NULL DEFAULT 0,
            hides_listening INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID;
        CREATE TABLE follows (person_id TEXT, followee_id TEXT, PRIMARY KEY (person_id, followee_id)) WITHOUT ROWID;
        CREATE TABLE blocks (person_id TEXT, blocked_id TEXT, PRIMARY KEY (person_id, blocked_id)) WITHOUT ROWID;
        CREATE TABLE policy (one INTEGER PRIMARY KEY CHECK (one = 1), policy TEXT NOT NULL);
        CREATE TABLE erased_people (person_id TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE erased_spaces (space_id TEXT PRIMARY KEY) WITHOUT ROWID
    """
    filters = (subjects.events_of("people"),)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.names = names.Names(self)

    def apply(self, received: Received) -> None:
        run = self.db.execute
        self.names.apply(received.event)
        match received.event:
            case people.Followed() as e:
                row = run("INSERT OR IGNORE INTO follows VALUES (?, ?)", (e.person_id, e.followee_id))
                self._note(e.followee_id, "followers", f"followers + {row.rowcount}")
            case people.Unfollowed() as e:
                row = run("DELETE FROM follows WHERE person_id = ? AND followee_id = ?", (e.person_id, e.followee_id))
                self._note(e.followee_id, "followers", f"followers - {row.rowcount}")
            case people.Blocked() as e:
                run("INSERT OR IGNORE INTO blocks VALUES (?, ?)", (e.person_id, e.blocked_id))
            case people.Unblocked() as e:
                run("DELETE FROM blocks WHERE person_id = ? AND blocked_id = ?", (e.person_id, e.blocked_id))
            case people.Suspended() | people.Reinstated() as e:
                self._note(e.person_id, "suspended", str(int(isinstance(e, people.Suspended))))
            case people.Erased(person_id=person_id):
                run("INSERT OR IGNORE INTO erased_people VALUES (?)", (person_id,))
            case people.HostingAllowed() | people.HostingWithdrawn() as e:
                self._note(e.person_id, "listed", str(int(isinstance(e, people.HostingAllowed))))
            case people.PrivacyChanged() as e:
                self._note(e.person_id, "protected", str(int(e.protected)))
                self._note(e.person_id, "hides_listening", str(int(e.hides_listening)))
            case people.Forgotten(whole=("space", space_id)):
                run("INSERT OR IGNORE INTO erased_spaces VALUES (?)", (space_id,))
            case people.HostingPolicyChanged() as e:
                run("INSERT OR REPLACE INTO policy VALUES (1, ?)", (e.policy.model_dump_json(),))
            case _:
                pass

    def _note(self, person_id: str, trait: str, value: str) -> None:
        self.db.execute("INSERT OR IGNORE INTO traits (person_id) VALUES (?)", (person_id,))
        self.db.execute(f"UPDATE traits SET {trait} = {value} WHERE person_id = ?", (person_id,))

    # -- who ---------------------------------------------------------------------------------------------------

    def find(self, person_id: str) -> Person | None:
        known = self.names.find(person_id)
        return None if known is None or known.gone else Person(person_id)

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

    # -- what of them ------------------------------------------------------------------------------------------

    def follows(self, person_id: str | None, followee_id: str) -> bool:
        query = "SELECT 1 FROM follows WHERE person_id = ? AND followee_id = ?"
        return self.db.execute(query, (person_id, followee_id)).fetchone() is not None

    def blocked(self, one: str | None, other: str) -> bool:
        """Whether either blocks the other."""
        if one is None:
            return False
        query = "SELECT 1 FROM blocks WHERE (person_id = ? AND blocked_id = ?) OR (person_id = ? AND blocked_id = ?)"
        return self.db.execute(query, (one, other, other, one)).fetchone() is not None

    def blocks(self, person_id: str | None, other: str) -> bool:
        """Whether somebody blocks somebody else."""
        query = "SELECT 1 FROM blocks WHERE person_id = ? AND blocked_id = ?"
        return self.db.execute(query, (person_id, other)).fetchone() is not None

    def suspended(self, person_id: str | None) -> bool:
        """Whether somebody is refused everywhere: suspended, or erased."""
        return self._trait(person_id, "suspended") or self.is_erased(person_id)

    def is_erased(self, person_id: str | None) -> bool:
        query = "SELECT 1 FROM erased_people WHERE person_id = ?"
        return self.db.execute(query, (person_id,)).fetchone() is not None

    def hides_listening(self, person_id: str | None) -> bool:
        """Whether nobody is shown where they listen."""
        return self._trait(person_id, "hides_listening")

    def _trait(self, person_id: str | None, trait: str) -> bool:
        row = self.db.execute(f"SELECT {trait} FROM traits WHERE person_id = ?", (person_id,)).fetchone()
        return row is not None and bool(row[0])

    def erased(self, person_id: str, space_id: str) -> bool:
        """Whether a person or a Space was erased: then nobody is shown what the person wrote there."""
        known = self.names.find(person_id)
        query = "SELECT 1 FROM erased_spaces WHERE space_id = ?"
        return (known is not None and known.gone) or self.db.execute(query, (space_id,)).fetchone() is not None

    def may_host(self, person_id: str, platform: str) -> bool:
        """Whether the hosting policy lets somebody host."""
        try:
            self.must_be_able_to_host(person_id, platform)
        except Refusal:
            return False
        return True

    def must_be_able_to_host(self, person_id: str, platform: str) -> None:
        """Raises Refusal: suspended, may_not_host; the sentence says why."""
        row = self.db.execute(
            "SELECT followers, listed, protected, suspended FROM traits WHERE person_id = ?", (person_id,)
        ).fetchone()
        followers, listed, protected, suspended = row or (0, 0, 0, 0)
        chosen = self.db.execute("SELECT policy FROM policy").fetchone()
        policy = people.HostingPolicy() if chosen is None else read(people.HostingPolicy.model_validate_json, chosen[0])
        known = hosting.Facts(person_id, followers, bool(listed), bool(protected), bool(suspended))
        answer = hosting.may_host(policy, known, platform)
        if answer is people.HostingReason.ALLOWED:
            return
        sentence = hosting.sentence(answer, hosting.rule_for(policy, platform))
        raise Refusal("suspended" if answer is people.HostingReason.SUSPENDED else "may_not_host", sentence)
