"""From what is stored to what is told: contract events of facts, and the Space as it is on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from contracts.envelope import Event, Model, PersonRef
from contracts.room import v1
from libs.eventstore import Fact, Notification
from services.room import domain
from services.room.domain import HOSTING, Invitation, Member, Person, Pin, Request, Role, Space

T = TypeVar("T")
_encode: Final = msgspec.json.Encoder().encode


# Wire models are frozen, and made anew for every answer: what has not changed since the last one is found again.
@lru_cache(maxsize=65_536)
def ref(person: Person) -> PersonRef:
    """A stored person on the wire."""
    return PersonRef(id=person.id, handle=person.handle, name=person.name)


@lru_cache(maxsize=8_192)
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
        kind=v1.Kind(settings.kind),
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
        kind=settings.kind.value,
    )


class _Part:
    """A part of a Space on the wire: the model, and its JSON, which is written when it is first asked for."""

    __slots__ = ("_json", "model")

    def __init__(self, model: Model) -> None:
        self.model = model
        self._json: msgspec.Raw | None = None

    @property
    def json(self) -> msgspec.Raw:
        if self._json is None:
            self._json = msgspec.Raw(self.model.model_dump_json().encode())
        return self._json


@lru_cache(maxsize=65_536)
def _person(person: Person) -> _Part:
    return _Part(ref(person))


@lru_cache(maxsize=8_192)
def _settings(settings: domain.Settings) -> _Part:
    return _Part(wire_settings(settings))


def _member(member: Member) -> _Part:
    # By what is shown of it: the record itself changes.
    return _stage_member(
        member.person,
        member.role,
        member.muted,
        member.consent_to_recording,
        member.joined_at,
        member.hand_raised,
        member.lost_until,
    )


@lru_cache(maxsize=65_536)
def _stage_member(
    person: Person,
    role: Role,
    muted: bool,
    consent_to_recording: bool,
    joined_at: datetime,
    hand_raised: bool,
    lost_until: datetime | None,
) -> _Part:
    return _Part(
        v1.StageMember(
            person=ref(person),
            role=v1.Role(role),
            muted=muted,
            consent_to_recording=consent_to_recording,
            joined_at=joined_at,
            hand_raised=hand_raised,
            lost_until=lost_until,
        )
    )


def _request(request: Request) -> _Part:
    return _speak_request(
        request.person, request.message, request.consent_to_recording, request.requested_at, request.lost_until
    )


@lru_cache(maxsize=65_536)
def _speak_request(
    person: Person, message: str, consent_to_recording: bool, requested_at: datetime, lost_until: datetime | None
) -> _Part:
    return _Part(
        v1.SpeakRequest(
            person=ref(person),
            message=message,
            consent_to_recording=consent_to_recording,
            requested_at=requested_at,
            lost_until=lost_until,
        )
    )


@lru_cache(maxsize=8_192)
def _invitation(invitation: Invitation) -> _Part:
    return _Part(
        v1.Invitation(person=ref(invitation.person), invited_by=invitation.invited_by, expires_at=invitation.expires_at)
    )


@lru_cache(maxsize=8_192)
def _pin(pin: Pin) -> _Part:
    return _Part(v1.Pin(id=pin.id, url=pin.url, text=pin.text, person=ref(pin.person), pinned_at=pin.pinned_at))


def wire_space(space: Space, viewer: str | None = None, *, all: bool = False) -> v1.Space:
    """The Space as `viewer` may see it: the queue, invitations and the removed are for hosts, one's own request and
    invitation for oneself.

    `all` shows everything, for services that follow the Space.
    """
    return v1.Space.model_validate(_shown(space, viewer, all=all, form=lambda part: part.model))


def space_json(space: Space, viewer: str | None) -> bytes:
    """The same as JSON, put together from parts that were written before: every command is answered with it."""
    return _encode(_shown(space, viewer, all=False, form=lambda part: part.json))


def _shown(space: Space, viewer: str | None, *, all: bool, form: Callable[[_Part], object]) -> dict[str, object]:
    """The fields of `v1.Space` in their order."""
    sees_all = all or space.role_of(viewer) in HOSTING

    def own(by_person: Mapping[str, T]) -> Iterable[T]:
        if sees_all:
            return by_person.values()
        return (by_person[viewer],) if viewer is not None and viewer in by_person else ()

    return {
        "id": space.id,
        "version": space.version,
        "state": space.state,
        "host": form(_person(space.host)),
        "settings": form(_settings(space.settings)),
        "created_at": space.created_at,
        "scheduled_start": space.scheduled_start,
        "started_at": space.started_at,
        "ended_at": space.ended_at,
        "stage": [form(_member(member)) for member in space.stage.values()],
        "requests": [form(_request(request)) for request in own(space.requests)],
        "removed": list(space.removed) if sees_all else [],
        "invitations": [form(_invitation(invitation)) for invitation in own(space.invitations)],
        "invited": list(space.invited) if sees_all else [viewer] if viewer in space.invited else [],
        "pins": [form(_pin(pin)) for pin in space.pins.values()],
    }


def translate(notification: Notification) -> list[Event]:
    """The contract events of a stored fact, in order. Raises TypeError for a fact nobody taught it."""
    fact = notification.record.fact
    head: dict[str, Any] = {
        "space_id": notification.aggregate_id,
        "version": notification.version,
        "at": notification.record.at,
        "actor": notification.record.actor,
    }
    about_one = _ABOUT_ONE.get(type(fact))
    if about_one is not None:
        return [about_one.model_validate({**head, "person_id": getattr(fact, "person_id")})]  # noqa: B009
    match fact:
        case domain.Created():
            return [
                v1.Created(
                    **head,
                    host=ref(fact.host),
                    settings=wire_settings(fact.settings),
                    scheduled_start=fact.scheduled_start,
                )
            ]
        case domain.Started():
            return [v1.Started(**head, host=ref(fact.host), settings=wire_settings(fact.settings))]
        case domain.Rescheduled():
            return [v1.Rescheduled(**head, scheduled_start=fact.scheduled_start)]
        case domain.SettingsChanged():
            return [v1.SettingsChanged(**head, settings=wire_settings(fact.settings))]
        case domain.Canceled():
            return [v1.Canceled(**head)]
        case domain.Ended():
            return [v1.Ended(**head, reason=fact.reason)]
        case domain.HostChanged():
            return [
                v1.HostChanged(**head, host=ref(fact.host), previous_id=fact.previous_id, reason=fact.reason),
            ]
        case domain.Removed():
            return [
                v1.Removed(**head, person_id=fact.person_id, because=fact.because),
                v1.RemovalRecorded(**head, person_id=fact.person_id, explanation=fact.explanation),
            ]
        case domain.Pinned():
            pin = v1.Pin(
                id=fact.pin_id,
                url=fact.url,
                text=fact.text,
                person=ref(fact.person),
                pinned_at=notification.record.at,
            )
            return [v1.Pinned(**head, pin=pin)]
        case domain.Unpinned():
            return [v1.Unpinned(**head, pin_id=fact.pin_id)]
        case _:
            return [_of_somebody(fact, head)]


def _of_somebody(fact: Fact, head: dict[str, Any]) -> Event:
    match fact:
        case domain.SpeakRequested():
            return v1.SpeakRequested(
                **head,
                person=ref(fact.person),
                message=fact.message,
                consent_to_recording=fact.consent_to_recording,
            )
        case domain.StageJoined():
            return v1.StageJoined(
                **head,
                person=ref(fact.person),
                role=v1.Role(fact.role),
                consent_to_recording=fact.consent_to_recording,
            )
        case domain.StageLeft():
            return v1.StageLeft(**head, person_id=fact.person_id, reason=fact.reason)
        case domain.Invited():
            person = ref(fact.person)
            invitation = None
            if fact.expires_at is not None:
                invitation = v1.Invitation(person=person, invited_by=head["actor"], expires_at=fact.expires_at)
            return v1.Invited(**head, person=person, to=v1.InvitedTo(fact.to), invitation=invitation)
        case domain.InvitationClosed():
            return v1.InvitationClosed(**head, person_id=fact.person_id, reason=fact.reason)
        case domain.Lost():
            return v1.Lost(**head, person_id=fact.person_id, until=fact.until)
        case domain.RequestHeld():
            return v1.RequestHeld(**head, person_id=fact.person_id, until=fact.until)
        case _:
            raise TypeError(f"{type(fact).__name__} has no contract event")


_ABOUT_ONE: Final[dict[type[Fact], type[v1.SpaceEvent]]] = {
    domain.RequestCanceled: v1.RequestCanceled,
    domain.RequestDeclined: v1.RequestDeclined,
    domain.Muted: v1.Muted,
    domain.Unmuted: v1.Unmuted,
    domain.HandRaised: v1.HandRaised,
    domain.HandLowered: v1.HandLowered,
    domain.CohostAppointed: v1.CohostAppointed,
    domain.CohostDismissed: v1.CohostDismissed,
    domain.Arrived: v1.Arrived,
    domain.Readmitted: v1.Readmitted,
}
