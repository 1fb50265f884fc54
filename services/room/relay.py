"""From what is stored to what is told: contract events of facts, and the Space as it is on the wire."""

from __future__ import annotations

from typing import Final

from contracts.envelope import Event, PersonRef
from contracts.room import v1
from libs.eventstore import Fact, Notification
from services.room import domain
from services.room.domain import HOSTING, Person, Space


def ref(person: Person) -> PersonRef:
    """A stored person on the wire."""
    return PersonRef(id=person.id, handle=person.handle, name=person.name)


def wire_settings(settings: domain.Settings) -> v1.Settings:
    """Stored settings on the wire."""
    return v1.Settings(
        title=settings.title,
        topics=settings.topics,
        lang=settings.lang,
        recorded=settings.recorded,
        captions=settings.captions,
        who_can_join=v1.WhoCanJoin(settings.who_can_join),
        who_can_speak=v1.WhoCanSpeak(settings.who_can_speak),
    )


def stored_settings(settings: v1.Settings) -> domain.Settings:
    """Settings of a command as they are stored."""
    return domain.Settings(
        title=settings.title,
        topics=settings.topics,
        lang=settings.lang,
        recorded=settings.recorded,
        captions=settings.captions,
        who_can_join=settings.who_can_join.value,
        who_can_speak=settings.who_can_speak.value,
    )


def wire_space(space: Space, viewer: str | None = None, *, all: bool = False) -> v1.Space:
    """The Space as `viewer` may see it: the queue and the removed are for hosts, the own request for its person.

    `all` shows everything, for services that follow the Space.
    """
    sees_all = all or space.role_of(viewer) in HOSTING
    return v1.Space(
        id=space.id,
        version=space.version,
        state=v1.State(space.state),
        host=ref(space.host),
        settings=wire_settings(space.settings),
        created_at=space.created_at,
        scheduled_start=space.scheduled_start,
        started_at=space.started_at,
        ended_at=space.ended_at,
        stage=tuple(
            v1.StageMember(
                person=ref(member.person),
                role=v1.Role(member.role),
                muted=member.muted,
                consent_to_recording=member.consent_to_recording,
                joined_at=member.joined_at,
            )
            for member in space.stage.values()
        ),
        requests=tuple(
            v1.SpeakRequest(
                person=ref(request.person),
                message=request.message,
                consent_to_recording=request.consent_to_recording,
                requested_at=request.requested_at,
            )
            for request in space.requests.values()
            if sees_all or request.person.id == viewer
        ),
        removed=tuple(space.removed) if sees_all else (),
    )


def translate(notification: Notification) -> list[Event]:
    """The contract events of a stored fact, in order. Raises TypeError for a fact nobody taught it."""
    fact = notification.fact
    space_id, version = notification.aggregate_id, notification.version
    at, actor = notification.record.at, notification.record.actor
    match fact:
        case domain.Created():
            return [
                v1.Created(
                    space_id=space_id,
                    version=version,
                    at=at,
                    actor=actor,
                    host=ref(fact.host),
                    settings=wire_settings(fact.settings),
                    scheduled_start=fact.scheduled_start,
                )
            ]
        case domain.Started():
            host, settings = ref(fact.host), wire_settings(fact.settings)
            return [v1.Started(space_id=space_id, version=version, at=at, actor=actor, host=host, settings=settings)]
        case domain.Canceled():
            return [v1.Canceled(space_id=space_id, version=version, at=at, actor=actor)]
        case domain.Ended():
            return [v1.Ended(space_id=space_id, version=version, at=at, actor=actor, reason=fact.reason)]
        case domain.SpeakRequested():
            return [
                v1.SpeakRequested(
                    space_id=space_id,
                    version=version,
                    at=at,
                    actor=actor,
                    person=ref(fact.person),
                    message=fact.message,
                    consent_to_recording=fact.consent_to_recording,
                )
            ]
        case domain.StageJoined():
            return [
                v1.StageJoined(
                    space_id=space_id,
                    version=version,
                    at=at,
                    actor=actor,
                    person=ref(fact.person),
                    role=v1.Role(fact.role),
                    consent_to_recording=fact.consent_to_recording,
                )
            ]
        case domain.StageLeft():
            return [
                v1.StageLeft(
                    space_id=space_id,
                    version=version,
                    at=at,
                    actor=actor,
                    person_id=fact.person_id,
                    reason=fact.reason,
                )
            ]
        case domain.Removed():
            return [
                v1.Removed(space_id=space_id, version=version, at=at, actor=actor, person_id=fact.person_id),
                v1.RemovalRecorded(
                    space_id=space_id,
                    version=version,
                    at=at,
                    actor=actor,
                    person_id=fact.person_id,
                    explanation=fact.explanation,
                ),
            ]
        case domain.RequestCanceled() | domain.RequestDeclined() | domain.Muted() | domain.Unmuted():
            kind = _ABOUT_ONE[type(fact)]
            return [kind(space_id=space_id, version=version, at=at, actor=actor, person_id=fact.person_id)]
        case _:
            raise TypeError(f"{type(fact).__name__} has no contract event")


_ABOUT_ONE: Final[
    dict[type[Fact], type[v1.RequestCanceled] | type[v1.RequestDeclined] | type[v1.Muted] | type[v1.Unmuted]]
] = {
    domain.RequestCanceled: v1.RequestCanceled,
    domain.RequestDeclined: v1.RequestDeclined,
    domain.Muted: v1.Muted,
    domain.Unmuted: v1.Unmuted,
}
