"""Profiles, follows and blocks."""

from __future__ import annotations

from contracts.commands import Accepted, Nothing
from contracts.envelope import PersonRef
from contracts.people import v1
from contracts.pictures import address_of
from libs.bus import Handlers
from libs.commands import Executor, Rows
from services.people.app.people import NewProfile, People, PublicProfile
from services.people.app.pictures import Pictures
from services.people.domain.entities import Entity
from services.people.domain.person import Person
from services.people.handlers.access import actor, operators_only
from services.people.projection.names import FoundPerson


def add(table: Handlers, executor: Executor[Entity], people: People, pictures: Pictures) -> None:
    """Answer for profiles, follows and blocks."""

    rows = Rows(table, executor)

    @table.on(v1.SignUp)
    async def sign_up(command: v1.SignUp) -> Accepted[v1.Person]:
        what = executor.order(command)
        done = await people.sign_up(what, command.person_id, command.handle, command.display_name, command.invitation)
        return Accepted(version=done.version, result=wire_person(done.view, 0))

    @table.on(v1.Follow)
    async def follow(command: v1.Follow) -> Accepted[Nothing]:
        what = executor.order(command)
        return Accepted(version=await people.follow(what, actor(command), command.followee_id), result=Nothing())

    rows.on(v1.Unfollow, Person, actor, lambda person, c: person.unfollow(c.followee_id))

    @table.on(v1.Block)
    async def block(command: v1.Block) -> Accepted[Nothing]:
        what = executor.order(command)
        return Accepted(version=await people.block(what, actor(command), command.blocked_id), result=Nothing())

    rows.on(v1.Unblock, Person, actor, lambda person, c: person.unblock(c.blocked_id))

    @table.on(v1.ChangeProfile)
    async def change_profile(command: v1.ChangeProfile) -> Accepted[v1.Person]:
        wanted = NewProfile(command.handle, command.display_name, command.bio, command.links)
        done = await people.change_profile(executor.order(command), actor(command), wanted)
        followers = await people.followers(done.view.id)
        return Accepted(version=done.version, result=wire_person(done.view, followers, whole=True))

    @table.on(v1.ChangePicture)
    async def change_picture(command: v1.ChangePicture) -> Accepted[v1.Person]:
        sizes = {size.side: size.data for size in command.sizes}
        done = await pictures.change(executor.order(command), actor(command), command.picture_id, sizes, command.source)
        followers = await people.followers(done.view.id)
        return Accepted(version=done.version, result=wire_person(done.view, followers, whole=True))

    @table.on(v1.RemovePicture)
    async def remove_picture(command: v1.RemovePicture) -> Accepted[v1.Person]:
        done = await pictures.remove(executor.order(command), actor(command))
        followers = await people.followers(done.view.id)
        return Accepted(version=done.version, result=wire_person(done.view, followers, whole=True))

    @table.on(v1.ChangePrivacy)
    async def change_privacy(command: v1.ChangePrivacy) -> Accepted[v1.Person]:
        done = await people.change_privacy(
            executor.order(command), actor(command), command.protected, command.hides_listening
        )
        followers = await people.followers(done.view.id)
        return Accepted(version=done.version, result=wire_person(done.view, followers, whole=True))

    @table.on(v1.PersonQuery)
    async def person(query: v1.PersonQuery) -> Accepted[v1.Person]:
        profile = await people.profile(query.person_id)
        followers = await people.followers(profile.id)
        own = query.actor == profile.id or query.operator
        return Accepted(version=profile.version, result=wire_person(profile, followers, whole=own))

    @table.on(v1.HandleQuery)
    async def holder(query: v1.HandleQuery) -> Accepted[v1.Person]:
        operators_only(query)
        profile = await people.holder(query.handle)
        followers = await people.followers(profile.id)
        return Accepted(version=profile.version, result=wire_person(profile, followers, whole=True))

    @table.on(v1.PeopleQuery)
    async def find(query: v1.PeopleQuery) -> v1.PeopleFound:
        found = await people.find(actor(query), query.words, query.limit)
        return v1.PeopleFound(people=tuple(_ref(one) for one in found))


def _ref(found: FoundPerson) -> PersonRef:
    picture = address_of(found.id, found.picture) if found.picture else None
    return PersonRef(id=found.id, handle=found.handle, name=found.name, picture=picture)


def wire_person(profile: PublicProfile, followers: int, *, whole: bool = False) -> v1.Person:
    """A person on the wire; `whole`, as they see themself."""
    return v1.Person(
        id=profile.id,
        handle=profile.handle,
        name=profile.name,
        followers=followers,
        following=profile.following,
        version=profile.version,
        protected=profile.protected,
        hides_listening=profile.hides_listening and whole,
        bio=profile.bio,
        links=profile.links,
        picture=address_of(profile.id, profile.picture) if profile.picture else None,
    )
