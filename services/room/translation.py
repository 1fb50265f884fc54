"""From what is stored to what is told: contract events of facts, and the Space as it is on the wire.

What is stored has ids of people; `who` tells what they are called now.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from heapq import nsmallest
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from contracts.envelope import Event, Model, PersonRef
from contracts.room import v1
from contracts.times import in_utc
from libs.eventstore import Fact, Notification
from libs.names import Named, Who
from services.room.domain import facts, values
from services.room.domain.space import Space
from services.room.domain.values import HOSTING, Invitation, Member, Pin, Request, Role

T = TypeVar("T")
_encode: Final = msgspec.json.Encoder().encode


# Wire models are frozen, and made anew for every answer: what has not changed since the last one is found again.
@lru_cache(maxsize=65_536)
def ref(person: Named) -> PersonRef:
    """A person on the wire."""
    return person.ref


@lru_cache(maxsize=8_192)
def wire_settings(settings: values.Settings) -> v1.Settings:
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


def stored_settings(settings: v1.Settings) -> values.Settings:
    """Settings of a command as they are stored."""
    return values.Settings(
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
def _person(person: Named) -> _Part:
    return _Part(ref(person))


@lru_cache(maxsize=8_192)
def _settings(settings: values.Settings) -> _Part:
    return _Part(wire_settings(settings))


def _member(member: Member, who: Who) -> _Part:
    # By what is shown of it: the record itself changes, and so do names.
    return _stage_member(
        who(member.person.id),
        member.role,
        member.muted,
        member.consent_to_recording,
        member.joined_at,
        member.hand_raised,
        member.lost_until,
        member.lang,
    )


@lru_cache(maxsize=65_536)
def _stage_member(
    person: Named,
    role: Role,
    muted: bool,
    consent_to_recording: bool,
    joined_at: datetime,
    hand_raised: bool,
    lost_until: datetime | None,
    lang: str | None,
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
            lang=lang,
        )
    )


def _request(request: Request, who: Who) -> _Part:
    person = who(request.person.id)
    return _speak_request(
        person, request.message, request.consent_to_recording, request.requested_at, request.lost_until
    )


@lru_cache(maxsize=65_536)
def _speak_request(
    person: Named, message: str, consent_to_recording: bool, requested_at: datetime, lost_until: datetime | None
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
def _invitation(invitation: Invitation, person: Named) -> _Part:
    return _Part(v1.Invitation(person=ref(person), invited_by=invitation.invited_by, expires_at=invitation.expires_at))


@lru_cache(maxsize=8_192)
def _pin(pin: Pin, person: Named) -> _Part:
    return _Part(v1.Pin(id=pin.id, url=pin.url, text=pin.text, person=ref(person), pinned_at=pin.pinned_at))


def wire_space(space: Space, who: Who, viewer: str | None = None, *, all: bool = False) -> v1.Space:
    """The Space as `viewer` may see it: the queue, invitations, the removed and the word list are for hosts, one's own
    request and invitation for oneself.

    `all` shows everything, for services that follow the Space. Raises what `who` raises.
    """
    return v1.Space.model_validate(_shown(space, who, viewer, all=all, form=lambda part: part.model))


def space_json(space: Space, who: Who, viewer: str | None) -> bytes:
    """The same as JSON, put together from parts that were written before: every command is answered with it."""
    return _encode(_shown(space, who, viewer, all=False, form=lambda part: part.json))


def _shown(
    space: Space, who: Who, viewer: str | None, *, all: bool, form: Callable[[_Part], object]
) -> dict[str, object]:
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
        "host": form(_person(who(space.host.id))),
        "settings": form(_settings(space.settings)),
        "created_at": space.created_at,
        # A fact of an earlier version may have it with another offset.
        "scheduled_start": None if space.scheduled_start is None else in_utc(space.scheduled_start),
        "started_at": space.started_at,
        "ended_at": space.ended_at,
        "stage": [form(_member(member, who)) for member in space.stage.values()],
        "requests": [form(_request(request, who)) for request in own(space.requests)],
        "removed": _newest(space.removed, without={} if all else space.unseen) if sees_all else [],
        "invitations": [form(_invitation(one, who(one.person.id))) for one in own(space.invitations)],
        "invited": _newest(space.invited) if sees_all else [viewer] if viewer in space.invited else [],
        "pins": [form(_pin(pin, who(pin.person.id))) for pin in space.pins.values()],
        "words": space.words if sees_all else (),
    }


def _newest(people: dict[str, Any], *, without: Container[str] = ()) -> list[str]:
    """The last of them, in their order: all of them may be more than one message can carry."""
    return list(islice((one for one in reversed(people) if one not in without), v1.TOLD))[::-1]


def listed(space: Space, which: v1.PeopleList, *, after: str, most: int, all: bool) -> list[str]:
    """The ids on one of the Space's lists that come after `after`, in their order; `all` as for `wire_space`."""
    people: Mapping[str, object] = space.removed if which is v1.PeopleList.REMOVED else space.invited
    # Who only listened when a block put them out was there as far as nobody knows.
    without: Container[str] = space.unseen if which is v1.PeopleList.REMOVED and not all else ()
    return nsmallest(most, (one for one in people if one > after and one not in without))


def named_in(notifications: Sequence[Notification]) -> Iterator[str]:
    """Ids of the people whose names are needed to translate these."""
    for notification in notifications:
        match notification.record.fact:
            case facts.Created() | facts.Started() | facts.HostChanged() as fact:
                yield fact.host.id
            case facts.SpeakRequested() | facts.Invited() | facts.StageJoined() | facts.Pinned() as fact:
                yield fact.person.id
            case _:
                pass


def translate(notification: Notification, who: Who) -> list[Event]:
    """The contract events of a stored fact, in order. Raises TypeError for a fact nobody taught it, and what `who`
    raises."""
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
        case facts.Created():
            return [
                v1.Created(
                    **head,
                    host=ref(who(fact.host.id)),
                    settings=wire_settings(fact.settings),
                    scheduled_start=fact.scheduled_start,
                )
            ]
        case facts.Started():
            return [v1.Started(**head, host=ref(who(fact.host.id)), settings=wire_settings(fact.settings))]
        case facts.Rescheduled():
            return [v1.Rescheduled(**head, scheduled_start=fact.scheduled_start)]
        case facts.SettingsChanged():
            return [v1.SettingsChanged(**head, settings=wire_settings(fact.settings))]
        case facts.WordsChanged():
            return [v1.WordsChanged(**head, words=fact.words)]
        case facts.Canceled():
            return [v1.Canceled(**head, reason=fact.reason)]
        case facts.Ended():
            return [v1.Ended(**head, reason=fact.reason)]
        case facts.HostChanged():
            return [
                v1.HostChanged(**head, host=ref(who(fact.host.id)), previous_id=fact.previous_id, reason=fact.reason),
            ]
        case facts.Removed(listened=True):
            return [v1.Removed(**head, person_id=fact.person_id, because=fact.because, listened=True)]
        case facts.Readmitted():
            return [v1.Readmitted(**head, person_id=fact.person_id, listened=fact.listened)]
        case facts.Removed():
            return [
                v1.Removed(**head, person_id=fact.person_id, because=fact.because),
                v1.RemovalRecorded(**head, person_id=fact.person_id, explanation=fact.explanation),
            ]
        case facts.Pinned():
            pin = v1.Pin(
                id=fact.pin_id,
                url=fact.url,
                text=fact.text,
                person=ref(who(fact.person.id)),
                pinned_at=notification.record.at,
            )
            return [v1.Pinned(**head, pin=pin)]
        case facts.Unpinned():
            return [v1.Unpinned(**head, pin_id=fact.pin_id)]
        case _:
            return [_of_somebody(fact, who, head)]


def _of_somebody(fact: Fact, who: Who, head: dict[str, Any]) -> Event:
    match fact:
        case facts.SpeakRequested():
            return v1.SpeakRequested(
                **head,
                person=ref(who(fact.person.id)),
                message=fact.message,
                consent_to_recording=fact.consent_to_recording,
            )
        case facts.StageJoined():
            return v1.StageJoined(
                **head,
                person=ref(who(fact.person.id)),
                role=v1.Role(fact.role),
                consent_to_recording=fact.consent_to_recording,
                lang=fact.lang,
            )
        case facts.StageLeft():
            return v1.StageLeft(**head, person_id=fact.person_id, reason=fact.reason)
        case facts.Invited():
            person = ref(who(fact.person.id))
            invitation = None
            if fact.expires_at is not None:
                invitation = v1.Invitation(
                    person=person, invited_by=fact.invited_by or head["actor"], expires_at=fact.expires_at
                )
            return v1.Invited(**head, person=person, to=v1.InvitedTo(fact.to), invitation=invitation)
        case facts.InvitationClosed():
            return v1.InvitationClosed(**head, person_id=fact.person_id, reason=fact.reason)
        case facts.LanguageChosen():
            return v1.LanguageChosen(**head, person_id=fact.person_id, lang=fact.lang)
        case facts.Lost():
            return v1.Lost(**head, person_id=fact.person_id, until=fact.until)
        case facts.RequestHeld():
            return v1.RequestHeld(**head, person_id=fact.person_id, until=fact.until)
        case _:
            raise TypeError(f"{type(fact).__name__} has no contract event")


_ABOUT_ONE: Final[dict[type[Fact], type[v1.SpaceEvent]]] = {
    facts.RequestCanceled: v1.RequestCanceled,
    facts.RequestDeclined: v1.RequestDeclined,
    facts.Muted: v1.Muted,
    facts.Unmuted: v1.Unmuted,
    facts.HandRaised: v1.HandRaised,
    facts.HandLowered: v1.HandLowered,
    facts.CohostAppointed: v1.CohostAppointed,
    facts.CohostDismissed: v1.CohostDismissed,
    facts.Arrived: v1.Arrived,
}
