"""Spaces as discovery knows them, and those that it does not know yet as room does."""

from __future__ import annotations

import asyncio
from typing import Final

from contracts.discovery.v1 import LookupQuery, SpaceCard, SpaceDetails
from contracts.room.v1 import Role, Space, SpaceQuery
from libs.refusal import Refusal
from services.gateway.app import Gateway

_AT_ONCE: Final = 10
"""How many Spaces one request asks room for at the same time."""
_HIDDEN: Final = frozenset(
    {"space_unknown", "space_deleted", "removed", "blocked", "suspended", "not_allowed", "not_live", "person_unknown"}
)
"""Why room shows somebody no Space: to them, there is none."""


async def by_ids(gateway: Gateway, actor: str, space_ids: tuple[str, ...], *, operator: bool) -> list[SpaceDetails]:
    """The Spaces with these ids that somebody may see, in that order, from the moment they exist.

    Raises Refusal, Unavailable.
    """
    if not space_ids:
        return []
    query = LookupQuery(actor=actor, operator=operator, space_ids=space_ids)
    found = {space.id: space for space in await found_by(gateway, query)}
    free = asyncio.Semaphore(_AT_ONCE)

    async def ask_room(space_id: str) -> None:
        async with free:
            space = await _new(gateway, actor, space_id)
        if space is not None:
            found[space_id] = space

    try:
        async with asyncio.TaskGroup() as asking:
            for space_id in space_ids:
                if space_id not in found:
                    asking.create_task(ask_room(space_id))
    except ExceptionGroup as problems:
        raise problems.exceptions[0] from None
    return [found[space_id] for space_id in space_ids if space_id in found]


async def found_by(gateway: Gateway, query: LookupQuery) -> list[SpaceDetails]:
    """All that a query finds, in as many messages as that takes."""
    answer = await gateway.ask(query)
    found = list(answer.spaces)
    while answer.left_out:
        answer = await gateway.ask(LookupQuery(actor=query.actor, operator=query.operator, space_ids=answer.left_out))
        found += answer.spaces
    return found


async def _new(gateway: Gateway, actor: str, space_id: str) -> SpaceDetails | None:
    """What room knows of a Space, which is a moment ahead of discovery; None where there is none for this person."""
    try:
        space = await gateway.ask(SpaceQuery(space_id=space_id, actor=actor))
    except Refusal as no:
        if no.reason in _HIDDEN:
            return None
        raise
    return _details(space)


def _details(space: Space) -> SpaceDetails:
    hosts = (space.host, *(member.person for member in space.stage if member.role is Role.COHOST))
    times = (space.created_at, space.started_at, space.ended_at, *(member.joined_at for member in space.stage))
    return SpaceDetails(
        **dict(SpaceCard.of(space)),
        created_at=space.created_at,
        updated_at=max(at for at in times if at is not None),
        creator=space.host,  # nobody was handed over to within the moment that discovery is behind
        hosts=hosts,
        spoke=tuple(member.person for member in space.stage if member.person not in hosts),
        participants=len(space.stage),
        pins=space.pins,
    )
