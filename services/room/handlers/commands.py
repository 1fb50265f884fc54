"""Commands and queries on Spaces: from the wire to the app and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from contracts.commands import Accepted, Command, Nothing
from contracts.envelope import PersonRef
from contracts.room import v1
from libs.bus import Handlers
from libs.eventstore import Done, Order, digest_of
from libs.refusal import Refusal
from services.room.app import Spaces
from services.room.domain import Role, Space
from services.room.handlers.audience import Audience
from services.room.relay import ref, stored_settings, wire_space

Now = Callable[[], datetime]
_SETTINGS: Final = {"title", "topics", "lang", "who_can_join", "who_can_speak", "recorded", "captions"}


def handlers(spaces: Spaces, audience: Audience, now: Now) -> Handlers:
    """The table of everything room answers. `now` tells the time (UTC)."""
    table = Handlers("room")
    _lifecycle(table, spaces, audience, now)
    _onto_the_stage(table, spaces, audience, now)
    _on_stage(table, spaces, audience, now)
    _presence(table, spaces, audience)
    _queries(table, spaces, audience)
    return table


def anywhere(topics: Sequence[str]) -> Handlers:
    """What any process of room answers."""
    table = Handlers("room")

    @table.on(v1.TopicsQuery)
    async def topics_there_are(_: v1.TopicsQuery) -> v1.Topics:
        return v1.Topics(topics=tuple(topics))

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
            platform=command.platform,
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

    @table.on(v1.Reschedule)
    async def reschedule(command: v1.Reschedule) -> Accepted[v1.Space]:
        done = await spaces.reschedule(_order(command, now), command.space_id, command.scheduled_start, _for(command))
        return _accepted(done)

    @table.on(v1.ChangeSettings)
    async def change_settings(command: v1.ChangeSettings) -> Accepted[v1.Space]:
        changes = command.model_dump(include=_SETTINGS, exclude_none=True)
        return _accepted(await spaces.change_settings(_order(command, now), command.space_id, changes, _for(command)))

    @table.on(v1.HandOver)
    async def hand_over(command: v1.HandOver) -> Accepted[v1.Space]:
        done = await spaces.hand_over(_order(command, now), command.space_id, command.person_id, _for(command))
        audience.stage_changed(command.space_id)
        return _accepted(done)

    @table.on(v1.EndSpace)
    async def end(command: v1.EndSpace) -> Accepted[v1.Space]:
        done = await spaces.end(_order(command, now), command.space_id, _for(command), operator=command.operator)
        audience.space_over(command.space_id)
        return _accepted(done)


def _onto_the_stage(table: Handlers, spaces: Spaces, audience: Audience, now: Now) -> None:
    @table.on(v1.RequestToSpeak)
    async def request_to_speak(command: v1.RequestToSpeak) -> Accepted[v1.Space]:
        done = await spaces.request_to_speak(
            _order(command, now),
            command.space_id,
            _for(command),
            message=command.message,
            consent_to_recording=command.consent_to_recording,
            here=audience.is_there(command.space_id, command.actor),
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

    @table.on(v1.Invite)
    async def invite(command: v1.Invite) -> Accepted[v1.Space]:
        done = await spaces.invite(
            _order(command, now), command.space_id, command.person_id, command.to.value, _for(command)
        )
        audience.stage_changed(command.space_id)
        return _accepted(done)

    @table.on(v1.AcceptInvitation)
    async def accept_invitation(command: v1.AcceptInvitation) -> Accepted[v1.Space]:
        done = await spaces.accept_invitation(
            _order(command, now),
            command.space_id,
            _for(command),
            consent_to_recording=command.consent_to_recording,
        )
        audience.stage_changed(command.space_id)
        return _accepted(done)

    @table.on(v1.DeclineInvitation)
    async def decline_invitation(command: v1.DeclineInvitation) -> Accepted[v1.Space]:
        return _accepted(await spaces.decline_invitation(_order(command, now), command.space_id, _for(command)))

    @table.on(v1.WithdrawInvitation)
    async def withdraw_invitation(command: v1.WithdrawInvitation) -> Accepted[v1.Space]:
        done = await spaces.withdraw_invitation(
            _order(command, now), command.space_id, command.person_id, _for(command)
        )
        return _accepted(done)


def _on_stage(table: Handlers, spaces: Spaces, audience: Audience, now: Now) -> None:
    @table.on(v1.Mute)
    async def mute(command: v1.Mute) -> Accepted[v1.Space]:
        return _accepted(await spaces.mute(_order(command, now), command.space_id, command.person_id, _for(command)))

    @table.on(v1.Unmute)
    async def unmute(command: v1.Unmute) -> Accepted[v1.Space]:
        return _accepted(await spaces.unmute(_order(command, now), command.space_id, command.person_id, _for(command)))

    @table.on(v1.MuteAll)
    async def mute_all(command: v1.MuteAll) -> Accepted[v1.Space]:
        return _accepted(await spaces.mute_all(_order(command, now), command.space_id, _for(command)))

    @table.on(v1.RaiseHand)
    async def raise_hand(command: v1.RaiseHand) -> Accepted[v1.Space]:
        return _accepted(await spaces.raise_hand(_order(command, now), command.space_id, _for(command)))

    @table.on(v1.LowerHand)
    async def lower_hand(command: v1.LowerHand) -> Accepted[v1.Space]:
        done = await spaces.lower_hand(_order(command, now), command.space_id, command.person_id, _for(command))
        return _accepted(done)

    @table.on(v1.AppointCohost)
    async def appoint_cohost(command: v1.AppointCohost) -> Accepted[v1.Space]:
        done = await spaces.appoint_cohost(_order(command, now), command.space_id, command.person_id, _for(command))
        return _accepted(done)

    @table.on(v1.DismissCohost)
    async def dismiss_cohost(command: v1.DismissCohost) -> Accepted[v1.Space]:
        done = await spaces.dismiss_cohost(_order(command, now), command.space_id, command.person_id, _for(command))
        audience.stage_changed(command.space_id)
        return _accepted(done)

    @table.on(v1.PinLink)
    async def pin(command: v1.PinLink) -> Accepted[v1.Space]:
        done = await spaces.pin(
            _order(command, now), command.space_id, command.pin_id, command.url, command.text, _for(command)
        )
        return _accepted(done)

    @table.on(v1.Unpin)
    async def unpin(command: v1.Unpin) -> Accepted[v1.Space]:
        return _accepted(await spaces.unpin(_order(command, now), command.space_id, command.pin_id, _for(command)))

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

    @table.on(v1.ReadmitPerson)
    async def readmit(command: v1.ReadmitPerson) -> Accepted[v1.Space]:
        done = await spaces.readmit(_order(command, now), command.space_id, command.person_id, _for(command))
        return _accepted(done)


def _presence(table: Handlers, spaces: Spaces, audience: Audience) -> None:
    @table.on(v1.JoinSpace)
    async def join(command: v1.JoinSpace) -> Accepted[v1.Session]:
        await spaces.person(command.actor)

        def admitted(space: Space, role: Role) -> tuple[Role, v1.Space, tuple[PersonRef, ...]]:
            blocked = tuple(ref(person) for person in spaces.blocked_on_stage(space, command.actor))
            return role, wire_space(space, command.actor), blocked

        role, space, blocked = await spaces.admit(command.space_id, command.actor, admitted)
        audience.joined(command, role)
        session = v1.Session(
            session_id=command.session_id,
            role=v1.Role(role),
            lease_seconds=audience.lease_seconds,
            space=space,
            blocked_on_stage=blocked,
        )
        return Accepted(version=space.version, result=session)

    @table.on(v1.LeaveSpace)
    async def leave(command: v1.LeaveSpace) -> Nothing:
        audience.left(command.space_id, command.session_id, command.actor)
        return Nothing()

    @table.on(v1.React)
    async def react(command: v1.React) -> Nothing:
        await spaces.admit(command.space_id, command.actor, lambda _, role: role)
        audience.reacted(command)
        return Nothing()


def _queries(table: Handlers, spaces: Spaces, audience: Audience) -> None:
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
