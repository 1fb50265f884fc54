"""Questions about Spaces."""

from __future__ import annotations

from itertools import islice

from contracts.commands import Accepted
from contracts.room import v1
from libs.bus import Handlers
from libs.keyring.vault import Vault
from libs.keyring.worded import UnopenedWords
from libs.refusal import Refusal
from services.room.app.admission import Admission
from services.room.app.attendance import Attendance
from services.room.app.looking_back import LookingBack
from services.room.domain.space import Space
from services.room.domain.values import HOSTING, Role
from services.room.projection.agenda import Agenda
from services.room.projection.people import People
from services.room.translation import listed, ref, title_of, wire_past, wire_space


def queries(
    table: Handlers,
    admission: Admission,
    back: LookingBack,
    attendance: Attendance,
    agenda: Agenda,
    people: People,
    vault: Vault,
) -> None:
    """What a Space is, who may be in it, who is there."""
    who = people.names

    @table.on(v1.SpaceQuery)
    async def space(query: v1.SpaceQuery) -> Accepted[v1.Space]:
        def seen(space: Space) -> v1.Space:
            if not query.words:
                return wire_space(space, who, UnopenedWords(), query.actor, all=query.follower)
            if query.follower and not vault.must_show(space):
                # It would keep what is away now as if it were gone.
                raise Refusal("unavailable", "What people wrote cannot be read for a moment; try again.", retry=True)
            return wire_space(space, who, vault.of(space.id), query.actor, all=query.follower)

        if query.follower or query.operator:
            result = await admission.look(query.space_id, seen)
        else:
            inside = attendance.is_in(query.space_id, query.actor, query.session_id)
            if query.let_in and not inside:
                # A gateway of an earlier version says no session.
                theirs = query.session_id
                inside = theirs is None or attendance.may_be_in(query.space_id, query.actor, theirs)
            result = await admission.show(query.space_id, query.actor, seen, inside=inside)
        return Accepted(version=result.version, result=result)

    @table.on(v1.PastSpaceQuery)
    async def past_space(query: v1.PastSpaceQuery) -> v1.PastSpace:
        past = await back.at(query.space_id, query.actor, query.at, query.version, operator=query.operator)

        async def told() -> v1.PastSpace:
            return wire_past(past, who, vault.of(query.space_id), query.actor)

        return await vault.with_keys(told)

    @table.on(v1.SpacePeopleQuery)
    async def space_people(query: v1.SpacePeopleQuery) -> v1.SpacePeople:
        sees_all = query.follower or query.operator

        def page_of(space: Space) -> tuple[int, list[str]]:
            if not sees_all and space.role_of(query.actor) not in HOSTING:
                raise Refusal("not_host", "Only the host and co-hosts see that.")
            return space.version, listed(space, query.which, after=query.after, most=query.limit + 1, all=sees_all)

        if sees_all:
            version, found = await admission.look(query.space_id, page_of)
        else:
            version, found = await admission.show(query.space_id, query.actor, page_of, inside=True)
        page = found[: query.limit]
        return v1.SpacePeople(
            space_id=query.space_id,
            version=version,
            ids=tuple(page),
            people=tuple(ref(who(person.id)) for person in admission.known(page)),
            next=page[-1] if len(found) > len(page) else None,
        )

    @table.on(v1.AdmitQuery)
    async def admit(query: v1.AdmitQuery) -> Accepted[v1.Grant]:
        person = await admission.person(query.actor)

        def grant(space: Space, role: Role) -> v1.Grant:
            member = space.stage.get(query.actor or "")
            if query.publish and member is None:
                raise Refusal("not_on_stage", "Only people on stage can be heard.")
            if query.present:
                attendance.must_be_there(space.id, query.actor)
            return v1.Grant(
                space_id=space.id,
                person=ref(who(person.id)) if person else None,
                role=v1.Role(role),
                may_publish=member is not None,
                muted=member.muted if member else True,
                recorded=space.settings.recorded,
                captions=space.settings.captions,
                consent_to_recording=member.consent_to_recording if member else True,
                version=space.version,
                blocked_on_stage=tuple(
                    ref(who(person.id)) for person in admission.blocked_on_stage(space, query.actor)
                ),
            )

        inside = attendance.is_in(query.space_id, query.actor, query.session_id)
        result = await admission.admit(
            query.space_id, query.actor, grant, looking_back=query.looking_back, inside=inside
        )
        return Accepted(version=result.version, result=result)

    @table.on(v1.PresenceQuery)
    async def presence(query: v1.PresenceQuery) -> v1.Presence:
        stage = await admission.look(query.space_id, lambda space: tuple(space.stage))
        listeners, on_stage = attendance.sessions.count(query.space_id, stage)
        return v1.Presence(space_id=query.space_id, listeners=listeners, on_stage=on_stage)

    @table.on(v1.LiveSpacesQuery)
    async def live_spaces(query: v1.LiveSpacesQuery) -> v1.LiveSpaces:
        live = [space_id for space_id in agenda.live() if attendance.partition(space_id) == query.partition]
        later = (space_id for space_id in live if space_id > query.after)

        def shown(space: Space) -> v1.LiveSpace:
            chosen = space.settings
            return v1.LiveSpace(
                id=space.id,
                title=title_of(space, vault.of(space.id)),
                host=ref(who(space.host.id)),
                stage=tuple(ref(who(member.person.id)) for member in space.stage.values()),
                listeners=attendance.sessions.count(space.id, space.stage)[0],
                topics=chosen.topics,
                lang=chosen.lang,
                recorded=chosen.recorded,
                captions=chosen.captions,
                ephemeral=chosen.ephemeral,
                started_at=space.started_at,
            )

        return v1.LiveSpaces(
            spaces=tuple([await admission.look(space_id, shown) for space_id in islice(later, query.limit)]),
            live=len(live),
            connected=attendance.connected(query.partition),
        )

    @table.on(v1.ParticipantsQuery)
    async def participants(query: v1.ParticipantsQuery) -> v1.Participants:
        def roles(space: Space, _: Role) -> dict[str, Role]:
            return {member.person.id: member.role for member in space.stage.values()}

        inside = attendance.is_in(query.space_id, query.actor)
        stage = await admission.admit(query.space_id, query.actor, roles, inside=inside)
        found = attendance.sessions.page(query.space_id, query.after, query.limit + 1)
        page = found[: query.limit]
        return v1.Participants(
            space_id=query.space_id,
            people=tuple(
                v1.Participant(person=ref(who(person.id)), role=v1.Role(stage.get(person.id, "listener")))
                for person in admission.known(page)
                if person.id in stage or not people.hides_listening(person.id)
            ),
            listeners=attendance.sessions.count(query.space_id, stage)[0],
            next=page[-1] if len(found) > len(page) else None,
        )
