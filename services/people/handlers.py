"""People's commands and queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from contracts.commands import Accepted, Command, Nothing
from contracts.people import v1
from libs.bus import Handlers
from libs.eventstore import Order, digest_of
from libs.refusal import Refusal
from services.people.app import People, Profile


def handlers(people: People, now: Callable[[], datetime]) -> Handlers:
    """What people answers."""
    table = Handlers("people")

    def order(command: Command[Any], *what: object) -> Order:
        digest = digest_of(command.name, *what)
        return Order(id=command.command_id, actor=command.actor, at=now(), digest=digest)

    @table.on(v1.SignUp)
    async def sign_up(command: v1.SignUp) -> Accepted[v1.Person]:
        # The id is the gateway's, and another one each time it is asked: not part of what was ordered.
        what = order(command, command.handle, command.display_name)
        done = await people.sign_up(what, command.person_id, command.handle, command.display_name)
        return Accepted(version=done.version, result=_person(done.view, 0))

    @table.on(v1.Follow)
    async def follow(command: v1.Follow) -> Accepted[Nothing]:
        what = order(command, command.followee_id)
        return Accepted(version=await people.follow(what, _actor(command), command.followee_id), result=Nothing())

    @table.on(v1.Unfollow)
    async def unfollow(command: v1.Unfollow) -> Accepted[Nothing]:
        what = order(command, command.followee_id)
        return Accepted(version=await people.unfollow(what, _actor(command), command.followee_id), result=Nothing())

    @table.on(v1.Block)
    async def block(command: v1.Block) -> Accepted[Nothing]:
        what = order(command, command.blocked_id)
        return Accepted(version=await people.block(what, _actor(command), command.blocked_id), result=Nothing())

    @table.on(v1.Unblock)
    async def unblock(command: v1.Unblock) -> Accepted[Nothing]:
        what = order(command, command.blocked_id)
        return Accepted(version=await people.unblock(what, _actor(command), command.blocked_id), result=Nothing())

    @table.on(v1.PersonQuery)
    async def person(query: v1.PersonQuery) -> Accepted[v1.Person]:
        profile = await people.profile(query.person_id)
        return Accepted(version=profile.version, result=_person(profile, await people.followers(profile.id)))

    return table


def _actor(command: Command[Any]) -> str:
    if command.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return command.actor


def _person(profile: Profile, followers: int) -> v1.Person:
    return v1.Person(
        id=profile.id,
        handle=profile.handle,
        name=profile.name,
        followers=followers,
        following=profile.following,
        version=profile.version,
    )
