"""Profiles, follows and blocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from contracts.commands import Accepted, Nothing
from contracts.people import v1
from libs.bus import Handlers
from services.people.app import People, Profile
from services.people.handlers.order import actor, order, whole


def add(table: Handlers, people: People, now: Callable[[], datetime]) -> None:
    """Answer for profiles, follows and blocks."""

    @table.on(v1.SignUp)
    async def sign_up(command: v1.SignUp) -> Accepted[v1.Person]:
        # The id is the gateway's, and another one each time it is asked: not part of what was ordered.
        what = order(command, now(), command.handle, command.display_name)
        done = await people.sign_up(what, command.person_id, command.handle, command.display_name, command.invitation)
        return Accepted(version=done.version, result=_person(done.view, 0))

    @table.on(v1.Follow)
    async def follow(command: v1.Follow) -> Accepted[Nothing]:
        what = order(command, now(), command.followee_id)
        return Accepted(version=await people.follow(what, actor(command), command.followee_id), result=Nothing())

    @table.on(v1.Unfollow)
    async def unfollow(command: v1.Unfollow) -> Accepted[Nothing]:
        what = order(command, now(), command.followee_id)
        return Accepted(version=await people.unfollow(what, actor(command), command.followee_id), result=Nothing())

    @table.on(v1.Block)
    async def block(command: v1.Block) -> Accepted[Nothing]:
        what = order(command, now(), command.blocked_id)
        return Accepted(version=await people.block(what, actor(command), command.blocked_id), result=Nothing())

    @table.on(v1.Unblock)
    async def unblock(command: v1.Unblock) -> Accepted[Nothing]:
        what = order(command, now(), command.blocked_id)
        return Accepted(version=await people.unblock(what, actor(command), command.blocked_id), result=Nothing())

    @table.on(v1.ChangePrivacy)
    async def change_privacy(command: v1.ChangePrivacy) -> Accepted[v1.Person]:
        done = await people.change_privacy(
            whole(command, now()), actor(command), command.protected, command.hides_listening
        )
        followers = await people.followers(done.view.id)
        return Accepted(version=done.version, result=_person(done.view, followers, whole=True))

    @table.on(v1.PersonQuery)
    async def person(query: v1.PersonQuery) -> Accepted[v1.Person]:
        profile = await people.profile(query.person_id)
        followers = await people.followers(profile.id)
        own = query.actor == profile.id or query.operator
        return Accepted(version=profile.version, result=_person(profile, followers, whole=own))


def _person(profile: Profile, followers: int, *, whole: bool = False) -> v1.Person:
    return v1.Person(
        id=profile.id,
        handle=profile.handle,
        name=profile.name,
        followers=followers,
        following=profile.following,
        version=profile.version,
        protected=profile.protected,
        hides_listening=profile.hides_listening and whole,
    )
