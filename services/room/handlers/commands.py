"""Commands and queries on Spaces: from the wire to the app and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from contracts.commands import Accepted, Command, Nothing
from contracts.room import v1
from libs.bus import Handlers
from libs.eventstore import Done, Order, digest_of
from libs.refusal import Refusal
from services.room.app import Spaces
from services.room.domain import Role, Space
from services.room.handlers.audience import Audience
from services.room.relay import ref, stored_settings, wire_space

Now = Callable[[], datetime]


def handlers(spaces: Spaces, audience: Audience, now: Now) -> Handlers:
    """The table of everything room answers. `now` tells the time (UTC)."""
    table = Handlers("room")
    _lifecycle(table, spaces, audience, now)
    _stage(table, spaces, audience, now)
    _presence(table, spaces, audience)
    _queries(table, spaces, audience)
    return table


def _order(command: Command[v1.Space], now: Now) -> Order:
    digest = digest_of(command.name, command.model_dump_json(exclude={"command_id"}))
    return Order(id=command.command_id, actor=command.actor, at=now(), digest=digest)


def _for(command: Command[v1.Space]) -> Callable[[Space], v1.Space]:
    return partial(wire_space, viewer=command.actor)


def _accepted(done: Done[v1.Space]) -> Accepted[v1.Space]:
    return Accepted(version=done.version, result=done.view)


def _lifecycle(table: Handlers, spaces: Spaces, audience: Audience, now: Now) -> None:
    @table.on(v1.CreateSpace)
    async def create(command: v1.CreateSpace) -> Accepted[v1.Space]:
        done = await spaces.create(
            _order(command, now),
            command.space_id,
            stored_settings(command.settings),
            _for(command),
            scheduled_start=command.scheduled_start,
        )
        if done.view.state is v1.State.LIVE:
            audience.space_live(command.space_id)
        return _accepted(done)

    @table.on(v1.StartSpace)
    async def start(command: v1.StartSpace) -> Accepted[v1.Space]:
        done = await spaces.start(_order(command, now), command.space_id, _for(command))
        audience.space_live(command.space_id)
        return _accepted(done)

    @table.on(v1.CancelSpace)
    async def cancel(command: v1.CancelSpace) -> Accepted[v1.Space]:
        return _accepted(await spaces.cancel(_order(command, now), command.space_id, _for(command)))

    @table.on(v1.EndSpace)
    async def end(command: v1.EndSpace) -> Accepted[v1.Space]:
        done = await spaces.end(_order(command, now), command.space_id, _for(command), operator=command.operator)
        audience.space_over(command.space_id)
        return _accepted(done)


def _stage(table: Handlers, spaces: Spaces, audience: Audience, now: Now) -> None:
    @table.on(v1.RequestToSpeak)
    async def request_to_speak(command: v1.RequestToSpeak) -> Accepted[v1.Space]:
        done = await spaces.request_to_speak(
            _order(command, now),
            command.space_id,
            _for(command),
            message=command.message,
            consent_to_recording=command.consent_to_recording,
        )
        audience.stage_changed(command.space_id)
        return _accepted(done)

    @table.on(v1.CancelRequest)
    async def cancel_request(command: v1.CancelRequest) -> Accepted[v1.Space]:
        return _accepted(await spaces.cancel_request(_order(command, now), command.space_id, _for(command)))

    @table.on(v1.AcceptRequest)
    async def accept_request(command: v1.AcceptRequest) -> Accepted[v1.Space]:
        done = await spaces.accept_request(_order(command, now), command.space_id, command.person_id, _for(command))
        audience.stage_changed(command.space_id)
        return _accepted(done)

    @table.on(v1.DeclineRequest)
    async def decline_request(command: v1.DeclineRequest) -> Accepted[v1.Space]:
        done = await spaces.decline_request(_order(command, now), command.space_id, command.person_id, _for(command))
        return _accepted(done)

    @table.on(v1.Mute)
    async def mute(command: v1.Mute) -> Accepted[v1.Space]:
        return _accepted(await spaces.mute(_order(command, now), command.space_id, command.person_id, _for(command)))

    @table.on(v1.Unmute)
    async def unmute(command: v1.Unmute) -> Accepted[v1.Space]:
        return _accepted(await spaces.unmute(_order(command, now), command.space_id, command.person_id, _for(command)))

    @table.on(v1.LeaveStage)
    async def leave_stage(command: v1.LeaveStage) -> Accepted[v1.Space]:
        done = await spaces.leave_stage(_order(command, now), command.space_id, command.person_id, _for(command))
        audience.stage_changed(command.space_id)
        return _accepted(done)

    @table.on(v1.RemovePerson)
    async def remove(command: v1.RemovePerson) -> Accepted[v1.Space]:
        done = await spaces.remove(
            _order(command, now), command.space_id, command.person_id, command.explanation, _for(command)
        )
        audience.person_removed(command.space_id, command.person_id)
        return _accepted(done)


def _presence(table: Handlers, spaces: Spaces, audience: Audience) -> None:
    @table.on(v1.JoinSpace)
    async def join(command: v1.JoinSpace) -> Accepted[v1.Session]:
        await spaces.person(command.actor)

        def admitted(space: Space, role: Role) -> tuple[Role, v1.Space]:
            return role, wire_space(space, command.actor)

        role, space = await spaces.admit(command.space_id, command.actor, admitted)
        audience.joined(command, role)
        session = v1.Session(
            session_id=command.session_id,
            role=v1.Role(role),
            lease_seconds=audience.lease_seconds,
            space=space,
        )
        return Accepted(version=space.version, result=session)

    @table.on(v1.LeaveSpace)
    async def leave(command: v1.LeaveSpace) -> Nothing:
        audience.left(command.space_id, command.session_id, command.actor)
        return Nothing()

    @table.on(v1.React)
    async def react(command: v1.React) -> Nothing:
        def may(space: Space) -> None:
            space.may_react(command.actor)

        await spaces.read(command.space_id, may)
        audience.reacted(command)
        return Nothing()


def _queries(table: Handlers, spaces: Spaces, audience: Audience) -> None:
    @table.on(v1.SpaceQuery)
    async def space(query: v1.SpaceQuery) -> Accepted[v1.Space]:
        def seen(space: Space) -> v1.Space:
            space.may_be_seen_by(None if query.follower else query.actor)
            return wire_space(space, query.actor, all=query.follower)

        result = await spaces.read(query.space_id, seen)
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
            )

        result = await spaces.admit(query.space_id, query.actor, grant)
        return Accepted(version=result.version, result=result)

    @table.on(v1.PresenceQuery)
    async def presence(query: v1.PresenceQuery) -> v1.Presence:
        def stage(space: Space) -> tuple[str, ...]:
            space.may_be_seen_by(None)
            return tuple(space.stage)

        listeners, on_stage = audience.count(query.space_id, await spaces.read(query.space_id, stage))
        return v1.Presence(space_id=query.space_id, listeners=listeners, on_stage=on_stage)
