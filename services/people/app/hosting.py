"""Who may host: the policy, the list, and what is known of a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from libs.commands import of_kind
from libs.eventstore import Store
from libs.refusal import Refusal
from services.people.domain.entities import INSTANCE, Entity
from services.people.domain.instance import HostingPolicy, Instance
from services.people.domain.person import Person
from services.people.projection.follows import Follows
from services.people.projection.spaces import KnownSpaces


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a person that decides whether they may host, with the times since when."""

    person_id: str
    followers: int
    listed: bool
    listed_at: datetime | None
    protected: bool
    suspended: bool
    since: datetime | None
    """When they signed up, were suspended, reinstated, became protected or ceased to be last."""
    hosted_before: bool


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy, and since when it holds."""

    policy: HostingPolicy
    since: datetime | None


class Hosting:
    """Who may host."""

    def __init__(self, store: Store[Entity], follows: Follows, spaces: KnownSpaces) -> None:
        self._store = store
        self.follows = follows
        self._spaces = spaces

    async def policy(self) -> InForce:
        """The policy as it is."""
        return await self._store.read(INSTANCE, of_kind(Instance, in_force))

    async def standing(self, person_id: str) -> Standing:
        """What is known of somebody, everything committed included. Refuses: person_unknown."""
        await self.follows.catch_up(self._store)
        followers = self.follows.followers(person_id)
        hosted_before = self._spaces.has_hosted(person_id)

        def look(person: Person) -> Standing:
            if not person.exists:
                raise Refusal("person_unknown", "There is no such person.")
            return Standing(
                person_id=person_id,
                followers=followers,
                listed=person.listed,
                listed_at=person.listed_at,
                protected=person.protected,
                suspended=person.suspension is not None,
                since=person.standing_since,
                hosted_before=hosted_before,
            )

        return await self._store.read(person_id, of_kind(Person, look))


def in_force(instance: Instance) -> InForce:
    """The policy of the instance as it is."""
    return InForce(instance.policy, instance.policy_since)
