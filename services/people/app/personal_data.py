"""What people holds of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final

from pydantic import JsonValue

from contracts import object_names, pictures
from contracts.envelope import Outgoing
from contracts.personal_data import HeldFile, HeldRecord
from libs.eventstore import Notification, Store, StoredFact
from libs.keyring.opening import Opener
from libs.personal_data import Concerned, Found, Held, listed, number_of, of_outgoing
from services.people.app.people import People
from services.people.app.people_sealer import IDENTITY, NAME, PROFILE, PeopleSealer, of_person
from services.people.domain.entities import Entity
from services.people.domain.erasure import PersonErased
from services.people.domain.identity import Identified
from services.people.domain.person import Registered
from services.people.domain.profile import PictureTakenAway, ProfileChanged
from services.people.domain.report import Filed
from services.people.projection.follows import Follows
from services.people.projection.moderation import Moderation, ReportRow
from services.people.projection.reminders_wanted import RemindersWanted

_FACTS: Final = 200
"""That are read at once."""


def people_of(notification: Notification) -> tuple[str, ...]:
    """Whose report a fact begins. Whatever else is somebody's is found by their id."""
    return (notification.fact.reporter,) if isinstance(notification.fact, Filed) else ()


class Holdings:
    """Their profile, what happened to their account, who follows them, what they reported and want to be reminded of.

    It never says who blocks or reports them. What operators write about their suspensions they are shown anyway; what
    operators write into reports they are not.
    """

    def __init__(
        self,
        store: Store[Entity],
        people: People,
        follows: Follows,
        wanted: RemindersWanted,
        moderation: Moderation,
        concerned: Concerned,
        sealer: PeopleSealer,
        translate: Callable[[Notification], Sequence[Outgoing]],
        read_in: Callable[[str, ReportRow], str],
    ) -> None:
        """`read_in` opens the comment of a report, given its id."""
        self._store = store
        self._people = people
        self._follows = follows
        self._wanted = wanted
        self._moderation = moderation
        self._concerned = concerned
        self._sealer = sealer
        self._translate = translate
        self._read_in = read_in
        self._opening = Opener(sealer.locks)

    def held(self) -> Held:
        """All of it."""
        return Held(self._profile, self._account, self._followers, self._reports, self._reminders)

    async def _profile(self, person: str, after: str) -> AsyncIterator[Found]:
        profile = await self._people.profile(person)
        fields: dict[str, JsonValue] = {
            "id": profile.id,
            "handle": profile.handle,
            "name": profile.name,
            "bio": profile.bio,
            "links": [*profile.links],
            "protected": profile.protected,
            "hides_listening": profile.hides_listening,
            "following": profile.following,
            "followers": await self._people.followers(person),
        }
        file = None
        if profile.picture:
            side = max(pictures.SIDES)
            file = HeldFile(path="picture/picture.webp", object=object_names.picture(person, profile.picture, side))
        async for found in listed([HeldRecord(subject="profile", fields=fields, file=file)], after):
            yield found

    async def _account(self, person: str, after: str) -> AsyncIterator[Found]:
        version = number_of(after)
        while facts := await self._store.facts(person, version, _FACTS):
            for fact in facts:
                version = fact.originator_version
                yield Found(str(version), await self._events(person, fact))

    async def _events(self, person: str, stored: StoredFact) -> tuple[HeldRecord, ...]:
        match stored.fact:
            case Registered() | ProfileChanged() as said:
                read = self._sealer.read
                lock = of_person(person)
                fields: dict[str, JsonValue] = {
                    "event": "registered" if isinstance(said, Registered) else "profile_changed",
                    "handle": read(lock, NAME, said.handle),
                    "name": read(lock, NAME, said.name),
                }
                if isinstance(said, ProfileChanged):
                    fields |= {
                        "bio": read(lock, PROFILE, said.bio),
                        "links": [read(lock, PROFILE, link) for link in said.links],
                        "picture": bool(said.picture),
                    }
                return (HeldRecord(subject="account", at=stored.record.at, fields=fields),)
            case Identified() as told:
                read = partial(self._sealer.read, of_person(person), IDENTITY)
                fields = {
                    "event": "identified",
                    "issuer": read(told.issuer),
                    "subject": read(told.subject),
                    "handle": read(told.handle),
                    "name": read(told.name),
                    "protected": told.protected,
                    "picture": read(told.picture),
                }
                return (HeldRecord(subject="account", at=stored.record.at, fields=fields),)
            case PictureTakenAway(explanation=explanation):
                why = self._sealer.read_about(person, explanation)
                fields = {"event": "picture_taken_away", "explanation": why}
                return (HeldRecord(subject="account", at=stored.record.at, fields=fields),)
            case PersonErased():
                return ()
            case _:
                events = self._translate(Notification(0, person, stored.originator_version, stored.record))
                return await of_outgoing("account", events, self._opening)

    async def _followers(self, person: str, after: str) -> AsyncIterator[Found]:
        await self._follows.catch_up(self._store)
        while page := self._follows.page(person, after, _FACTS):
            for follower, since in page:
                after = follower
                fields: dict[str, JsonValue] = {"person_id": follower}
                yield Found(follower, (HeldRecord(subject="followers", at=since, fields=fields),))

    async def _reports(self, person: str, after: str) -> AsyncIterator[Found]:
        await self._concerned.catch_up(self._store)
        await self._moderation.catch_up(self._store)
        for aggregate in self._concerned.of(person, after):
            row = self._moderation.stored(aggregate)
            if aggregate != after:
                yield Found(aggregate, () if row is None else (self._report(row),))

    def _report(self, row: ReportRow) -> HeldRecord:
        filed = row.filed
        evidence: list[JsonValue] = [
            {
                "kind": one.kind,
                "space_id": one.space,
                "reference": one.reference,
                "from_seconds": one.from_seconds,
                "to_seconds": one.to_seconds,
            }
            for one in filed.evidence
        ]
        fields: dict[str, JsonValue] = {
            "report_id": row.id,
            "person_id": filed.subject.person,
            "space_id": filed.subject.space,
            "reason": filed.reason,
            "comment": self._read_in(row.id, row),
            "evidence": evidence,
            "state": row.state,
            "closed_at": None if row.closed_at is None else row.closed_at.isoformat(),
        }
        return HeldRecord(subject="reports", at=row.at, fields=fields)

    async def _reminders(self, person: str, after: str) -> AsyncIterator[Found]:
        await self._wanted.catch_up(self._store)
        records = [
            HeldRecord(subject="reminders", fields={"space_id": space}) for space in sorted(self._wanted.of(person))
        ]
        async for found in listed(records, after):
            yield found
