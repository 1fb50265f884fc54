"""From what is stored to what is told: contract events of facts, and the Space as it is on the wire.

What is stored has ids of people, and words that are sealed. Events have both as they are stored. For answers, `who`
tells what people are called now, and `shown` what words say: of a pin that cannot be read nothing is told; a title says
so, and other words are told as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from heapq import nsmallest
from itertools import islice
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar, cast

import msgspec

from contracts.envelope import Event, Model, Outgoing, PersonRef, with_boxes
from contracts.room import v1
from contracts.times import in_utc
from libs.eventstore import Fact, Notification
from libs.keyring.worded import Lack, Shown, Text
from libs.names import Named, Who
from services.room.app.looking_back import Past
from services.room.domain import facts, values
from services.room.domain.space import Space
from services.room.domain.values import HOSTING, Invitation, Member, Pin, Request, Role
from services.room.translation.words import (
    Telling,
    TellWords,
    on_the_stream,
    said,
    shown_title,
    stored_settings,
    wire_settings,
    worded_events,
    words_in,
)

__all__ = [
    "listed",
    "ref",
    "space_json",
    "stored_settings",
    "title_of",
    "translate",
    "wire_past",
    "wire_settings",
    "wire_space",
    "word_list",
]

T = TypeVar("T")
_encode: Final = msgspec.json.Encoder().encode
_PARTS: Final = 2_000
"""Of one Space that are kept."""


# Wire models are frozen, and made anew for every answer: what has not changed since the last one is found again.
@lru_cache(maxsize=65_536)
def ref(person: Named) -> PersonRef:
    """A person on the wire."""
    return person.ref


class _Part:
    """A part of a Space on the wire: the model, and its JSON, which is written when it is first asked for."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @cached_property
    def json(self) -> msgspec.Raw:
        return msgspec.Raw(self.model.model_dump_json().encode())


_as_model: Final[Callable[[_Part], object]] = attrgetter("model")
_as_json: Final[Callable[[_Part], object]] = attrgetter("json")


@lru_cache(maxsize=65_536)
def _person(person: Named) -> _Part:
    return _Part(ref(person))


def _settings(space: Space, shown: Shown) -> _Part:
    settings = space.settings
    title = shown.read(space.title_by, settings.title)
    # Found by a comparison: every command asks for them, and a hash of all that was chosen takes longer.
    found = cast(_Chosen | None, shown.parts.get(_Chosen))
    if found is None or found.settings is not settings or found.title != title:
        found = shown.parts[_Chosen] = _Chosen(settings, title, _Part(wire_settings(settings, title)))
    return found.part


class _Chosen(NamedTuple):
    """The settings of a Space, as they were made last."""

    settings: values.Settings
    title: Text
    part: _Part


def title_of(space: Space, shown: Shown) -> str:
    """What a Space is called."""
    return shown_title(shown.read(space.title_by, space.settings.title))


def word_list(space: Space, shown: Shown) -> tuple[str, ...]:
    """What captions of a Space should be able to write; none where that cannot be read."""
    if not space.words:
        return ()
    return words_in(space.words, lambda words: shown.read(space.words_by, words))


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


def _request(request: Request, who: Who, shown: Shown) -> _Part:
    person, message = who(request.person.id), said(shown.read(request.person.id, request.message))
    # By what is shown of it: the record itself changes.
    key = person, message, request.consent_to_recording, request.requested_at, request.lost_until
    return _part(shown, key) or _keep(
        shown,
        key,
        v1.SpeakRequest(
            person=ref(person),
            message=message,
            consent_to_recording=request.consent_to_recording,
            requested_at=request.requested_at,
            lost_until=request.lost_until,
        ),
    )


@lru_cache(maxsize=8_192)
def _invitation(invitation: Invitation, person: Named) -> _Part:
    return _Part(v1.Invitation(person=ref(person), invited_by=invitation.invited_by, expires_at=invitation.expires_at))


def _pin(pin: Pin, who: Who, shown: Shown) -> _Part | None:
    by = pin.person.id
    url, text, person = shown.read(by, pin.url), shown.read(by, pin.text), who(by)
    if isinstance(url, Lack) or isinstance(text, Lack):
        return None
    key = pin, person, url, text
    return _part(shown, key) or _keep(
        shown, key, v1.Pin(id=pin.id, url=url, text=text, person=ref(person), pinned_at=pin.pinned_at)
    )


def _part(shown: Shown, key: object) -> _Part | None:
    """What was made before. What is made of words is kept with them, and goes with them."""
    return cast(_Part | None, shown.parts.get(key))


def _keep(shown: Shown, key: object, model: Model) -> _Part:
    if len(shown.parts) >= _PARTS:
        shown.parts.clear()
    part = shown.parts[key] = _Part(model)
    return part


def wire_space(space: Space, who: Who, shown: Shown, viewer: str | None = None, *, all: bool = False) -> v1.Space:
    """The Space as `viewer` may see it: the queue, invitations, the removed and the word list are for hosts, one's own
    request and invitation for oneself.

    `all` shows everything, for services that follow the Space. Raises what `who` and `shown` raise.
    """
    sees_all = all or space.role_of(viewer) in HOSTING
    return v1.Space.model_validate(_fields(space, who, shown, viewer, all=all, sees_all=sees_all, form=_as_model))


def wire_past(past: Past, who: Who, shown: Shown, viewer: str | None) -> v1.PastSpace:
    """The Space as it was, as `viewer` may see it by who they are today."""
    sees_all = past.present.is_hosts
    fields = _fields(past.space, who, shown, viewer, all=False, sees_all=sees_all, form=_as_model)
    return v1.PastSpace.model_validate({**fields, "since": past.since, "newest": past.present.version})


def space_json(space: Space, who: Who, shown: Shown, viewer: str | None) -> bytes:
    """The same as JSON, put together from parts that were written before: every command is answered with it."""
    sees_all = space.role_of(viewer) in HOSTING
    return _encode(_fields(space, who, shown, viewer, all=False, sees_all=sees_all, form=_as_json))


def _fields(
    space: Space,
    who: Who,
    shown: Shown,
    viewer: str | None,
    *,
    all: bool,
    sees_all: bool,
    form: Callable[[_Part], object],
) -> dict[str, object]:
    """The fields of `v1.Space` in their order."""

    def own(by_person: Mapping[str, T]) -> Iterable[T]:
        if sees_all:
            return by_person.values()
        return (by_person[viewer],) if viewer is not None and viewer in by_person else ()

    # Most lists are empty, and even then a comprehension costs more than to look.
    return {
        "id": space.id,
        "version": space.version,
        "state": space.state,
        "host": form(_person(who(space.host.id))),
        "settings": form(_settings(space, shown)),
        "created_at": space.created_at,
        # A fact of an earlier version may have it with another offset.
        "scheduled_start": None if space.scheduled_start is None else in_utc(space.scheduled_start),
        "started_at": space.started_at,
        "ended_at": space.ended_at,
        "stage": [form(_member(member, who)) for member in space.stage.values()],
        "requests": [form(_request(request, who, shown)) for request in own(space.requests)] if space.requests else [],
        "removed": _newest(space.removed, without={} if all else space.unseen) if sees_all else [],
        "invitations": [form(_invitation(one, who(one.person.id))) for one in own(space.invitations)]
        if space.invitations
        else [],
        "invited": _newest(space.invited) if sees_all else [viewer] if viewer in space.invited else [],
        "pins": [form(part) for pin in space.pins.values() if (part := _pin(pin, who, shown)) is not None]
        if space.pins
        else [],
        "words": word_list(space, shown) if sees_all else (),
    }


def _newest(people: dict[str, Any], *, without: Container[str] = ()) -> list[str]:
    """The last of them, in their order: all of them may be more than one message can carry."""
    if not people:
        return []
    return list(islice((one for one in reversed(people) if one not in without), v1.TOLD))[::-1]


def listed(space: Space, which: v1.PeopleList, *, after: str, most: int, all: bool) -> list[str]:
    """The ids on one of the Space's lists that come after `after`, in their order; `all` as for `wire_space`."""
    people: Mapping[str, object] = space.removed if which is v1.PeopleList.REMOVED else space.invited
    # Who only listened when a block put them out was there as far as nobody knows.
    without: Container[str] = space.unseen if which is v1.PeopleList.REMOVED and not all else ()
    return nsmallest(most, (one for one in people if one > after and one not in without))


def translate(notification: Notification, told: TellWords) -> list[Outgoing]:
    """The contract events of a stored fact, in order; none of a pin that was erased.

    Raises TypeError for a fact nobody taught it.
    """
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
    telling = Telling(notification, told)
    worded = worded_events(notification, telling, head)
    if worded is not None:
        return [with_boxes(event, telling.boxes_of(event)) for event in worded]
    return [_event(fact, head)]


def _event(fact: Fact, head: dict[str, Any]) -> Event:
    match fact:
        case facts.Rescheduled():
            return v1.Rescheduled(**head, scheduled_start=fact.scheduled_start)
        case facts.Canceled():
            return v1.Canceled(**head, reason=fact.reason)
        case facts.Ended():
            return v1.Ended(**head, reason=fact.reason)
        case facts.Deleted():
            return v1.SpaceDeleted(**head)
        case facts.HostChanged():
            host = on_the_stream(fact.host.id)
            return v1.HostChanged(**head, host=host, previous_id=fact.previous_id, reason=fact.reason)
        case facts.Removed(listened=True):
            return v1.Removed(**head, person_id=fact.person_id, because=fact.because, listened=True)
        case facts.Readmitted():
            return v1.Readmitted(**head, person_id=fact.person_id, listened=fact.listened)
        case facts.Unpinned():
            return v1.Unpinned(**head, pin_id=fact.pin_id)
        case facts.StageJoined():
            return v1.StageJoined(
                **head,
                person=on_the_stream(fact.person.id),
                role=v1.Role(fact.role),
                consent_to_recording=fact.consent_to_recording,
                lang=fact.lang,
            )
        case facts.StageLeft():
            return v1.StageLeft(**head, person_id=fact.person_id, reason=fact.reason)
        case facts.Invited():
            person = on_the_stream(fact.person.id)
            invitation = None
            if fact.expires_at is not None:
                invitation = v1.Invitation(
                    person=person, invited_by=fact.invited_by or head["actor"], expires_at=fact.expires_at
                )
            return v1.Invited(**head, person=person, to=v1.InvitedTo(fact.to), invitation=invitation)
        case facts.InvitationClosed():
            return v1.InvitationClosed(**head, person_id=fact.person_id, reason=fact.reason)
        case facts.Uninvited():
            return v1.Uninvited(**head, person_id=fact.person_id)
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
