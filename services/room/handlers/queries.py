"""Questions about Spaces."""

from __future__ import annotations

from contracts.commands import Accepted
from contracts.room import v1
from libs.bus import Handlers
from libs.refusal import Refusal
from services.room.app import Spaces
from services.room.domain import Role, Space
from services.room.handlers.audience import Audience
from services.room.relay import ref, wire_space


def queries(table: Handlers, spaces: Spaces, audience: Audience) -> None:
    """What a Space is, who may be in it, who is there."""

    @table.on(v1.SpaceQuery)
    async def space(query: v1.SpaceQuery) -> Accepted[v1.Space]:
        def seen(space: Space) -> v1.Space:
            return wire_space(space, query.actor, all=query.follower)

        anybody = query.follower or query.operator
        result = await spaces.look(query.space_id, None if anybody else query.actor, seen)
        return Accepted(version=result.version, result=result)

    @table.on(v1.AdmitQuery)
    async def admit(query: v1.AdmitQuery) -> Accepted[v1.Grant]:
        person = await spaces.person(query.actor)

        def grant(space: Space, role: Role) -> v1.Grant:
            member = space.stage.get(query.actor or "")
            if query.publish and member is None:
                raise Refusal("not_on_stage", "Only people on stage can be heard.")
            return v1.Grant(
                space_id=space.id,
                person=ref(person) if person else None,
                role=v1.Role(role),
                may_publish=member is not None,
                muted=member.muted if member else True,
                recorded=space.settings.recorded,
                captions=space.settings.captions,
                consent_to_recording=member.consent_to_recording if member else True,
                version=space.version,
                blocked_on_stage=tuple(ref(person) for person in spaces.blocked_on_stage(space, query.actor)),
            )

        result = await spaces.admit(query.space_id, query.actor, grant, looking_back=query.looking_back)
        return Accepted(version=result.version, result=result)

    @table.on(v1.PresenceQuery)
    async def presence(query: v1.PresenceQuery) -> v1.Presence:
        stage = await spaces.look(query.space_id, None, lambda space: tuple(space.stage))
        listeners, on_stage = audience.count(query.space_id, stage)
        return v1.Presence(space_id=query.space_id, listeners=listeners, on_stage=on_stage)

    @table.on(v1.ParticipantsQuery)
    async def participants(query: v1.ParticipantsQuery) -> v1.Participants:
        def roles(space: Space, _: Role) -> dict[str, Role]:
            return {member.person.id: member.role for member in space.stage.values()}

        stage = await spaces.admit(query.space_id, query.actor, roles)
        found = audience.page(query.space_id, query.after, query.limit + 1)
        page = found[: query.limit]
        return v1.Participants(
            space_id=query.space_id,
            people=tuple(
                v1.Participant(person=ref(person), role=v1.Role(stage.get(person.id, "listener")))
                for person in spaces.named(page)
            ),
            listeners=audience.count(query.space_id, stage)[0],
            next=page[-1] if len(found) > len(page) else None,
        )
