"""A Space with all that is kept of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.discovery.v1 import LookupQuery, SpaceCard, SpaceDetails
from contracts.envelope import PersonRef
from contracts.named import Called
from contracts.room import v1 as room


@dataclass(frozen=True, slots=True)
class RowDetails:
    """What a row has that neither the card nor the Space has; people as JSON."""

    creator: str
    spoke: str
    invited: str
    updated: float
    subscribers: int


def refs(people: str) -> list[PersonRef]:
    """People from a JSON list."""
    return [PersonRef.model_validate(person) for person in json.loads(people)]


def details(query: LookupQuery, card: SpaceCard, space: room.Space, kept: RowDetails, called: Called) -> SpaceDetails:
    """What the asker may see of it."""
    hosts = (space.host, *(member.person for member in space.stage if member.role is room.Role.COHOST))
    host_ids = {person.id for person in hosts}
    spoke = [called(person) for person in refs(kept.spoke)]
    came = {person.id for person in spoke}
    hosting = query.operator or query.actor in host_ids
    return SpaceDetails(
        **dict(card),
        created_at=space.created_at,
        updated_at=datetime.fromtimestamp(kept.updated, UTC),
        creator=called(PersonRef.model_validate_json(kept.creator)),
        hosts=hosts,
        # Who was invited and did not come is between them and the hosts.
        invited=tuple(called(one) for one in refs(kept.invited) if hosting or one.id in came or one.id == query.actor),
        spoke=tuple(person for person in spoke if person.id not in host_ids),
        participants=card.listeners + len(space.stage),
        subscribers=kept.subscribers,
        pins=space.pins,
    )
