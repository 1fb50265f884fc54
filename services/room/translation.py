"""From what is stored to what is told: contract events of facts, and the Space as it is on the wire.

What is stored has ids of people; `who` tells what they are called now. Words are sealed in it; `shown` and `read` tell
what they say. Of a pin that cannot be read nothing is told; a title says so, and other words are told as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from heapq import nsmallest
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar, cast

import msgspec

from contracts.envelope import Event, Model, PersonRef
from contracts.room import v1
from contracts.times import in_utc
from libs.eventstore import Fact, Notification
from libs.keyring import Sealed, Words
from libs.keyring.worded import Lack, Shown, Text
from libs.names import Named, Who
from services.room.domain import facts, values
from services.room.domain.space import Space
from services.room.domain.values import HOSTING, Invitation, Member, Pin, Request, Role
from services.room.domain.written import words_of

T = TypeVar("T")
_encode: Final = msgspec.json.Encoder().encode
_PARTS: Final = 2_000
"""Of one Space that are kept."""

Read = Callable[[str, str, Words], Text]
"""Tells what somebody wrote: the Space, who, and their words as they are stored. Never away."""


# Wire models are frozen, and made anew for every answer: what has not changed since the last one is found again.
@lru_cache(maxsize=65_536)
def ref(person: Named) -> PersonRef:
    """A person on the wire."""
    return person.ref


def wire_settings(settings: values.Settings, title: Text) -> v1.Settings:
    """Stored settings on the wire."""
    return v1.Settings(
        title=_title(title),
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
    return _title(shown.read(space.title_by, space.settings.title))


def _title(title: Text) -> str:
    if isinstance(title, str):
        return title
    return v1.TITLE_REMOVED if title is Lack.ERASED else v1.TITLE_UNAVAILABLE


def word_list(space: Space, shown: Shown) -> tuple[str, ...]:
    """What captions of a Space should be able to write; none where that cannot be read."""
    if not space.words:
        return ()
    return _word_list(space.words, lambda words: shown.read(space.words_by, words))


def _word_list(words: tuple[str, ...] | Sealed, read: Callable[[Words], Text]) -> tuple[str, ...]:
    if isinstance(words, tuple):
        return () if any(isinstance(read(word), Lack) for word in words) else words
    text = read(words)
    return () if isinstance(text, Lack) else words_of(text)


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
    person, message = who(request.person.id), _said(shown.read(request.person.id, request.message))
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


def _said(text: Text) -> str:
    return "" if isinstance(text, Lack) else text


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
    return v1.Space.model_validate(_fields(space, who, shown, viewer, all=all, form=lambda part: part.model))


def space_json(space: Space, who: Who, shown: Shown, viewer: str | None) -> bytes:
    """The same as JSON, put together from parts that were written before: every command is answered with it."""
    return _encode(_fields(space, who, shown, viewer, all=False, form=lambda part: part.json))


def _fields(
    space: Space, who: Who, shown: Shown, viewer: str | None, *, all: bool, form: Callable[[_Part], object]
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
        "settings": form(_settings(space, shown)),
        "created_at": space.created_at,
        # A fact of an earlier version may have it with another offset.
        "scheduled_start": None if space.scheduled_start is None else in_utc(space.scheduled_start),
        "started_at": space.started_at,
        "ended_at": space.ended_at,
        "stage": [form(_member(member, who)) for member in space.stage.values()],
        "requests": [form(_request(request, who, shown)) for request in own(space.requests)],
        "removed": _newest(space.removed, without={} if all else space.unseen) if sees_all else [],
        "invitations": [form(_invitation(one, who(one.person.id))) for one in own(space.invitations)],
        "invited": _newest(space.invited) if sees_all else [viewer] if viewer in space.invited else [],
        "pins": [form(part) for pin in space.pins.values() if (part := _pin(pin, who, shown)) is not None],
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


def translate(notification: Notification, who: Who, read: Read) -> list[Event]:
    """The contract events of a stored fact, in order; none of a pin that was erased.

    Raises TypeError for a fact nobody taught it, and what `who` and `read` raise.
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
    match fact:
        case facts.Created():
            return [
                v1.Created(
                    **head,
                    host=ref(who(fact.host.id)),
                    settings=_told_settings(fact.settings, fact.host.id, read, notification),
                    scheduled_start=fact.scheduled_start,
                )
            ]
        case facts.Started():
            settings = _told_settings(fact.settings, fact.host.id, read, notification)
            return [v1.Started(**head, host=ref(who(fact.host.id)), settings=settings)]
        case facts.Rescheduled():
            return [v1.Rescheduled(**head, scheduled_start=fact.scheduled_start)]
        case facts.SettingsChanged():
            settings = _told_settings(fact.settings, head["actor"] or "", read, notification)
            return [v1.SettingsChanged(**head, settings=settings)]
        case facts.WordsChanged():
            words = _word_list(fact.words, lambda words: read(notification.aggregate_id, head["actor"] or "", words))
            return [v1.WordsChanged(**head, words=words)]
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
            explanation = _said(read(notification.aggregate_id, head["actor"] or "", fact.explanation))
            return [
                v1.Removed(**head, person_id=fact.person_id, because=fact.because),
                v1.RemovalRecorded(**head, person_id=fact.person_id, explanation=explanation),
            ]
        case facts.Pinned():
            url, text = (read(notification.aggregate_id, fact.person.id, words) for words in (fact.url, fact.text))
            if isinstance(url, Lack) or isinstance(text, Lack):
                return []
            person = ref(who(fact.person.id))
            pin = v1.Pin(id=fact.pin_id, url=url, text=text, person=person, pinned_at=notification.record.at)
            return [v1.Pinned(**head, pin=pin)]
        case facts.Unpinned():
            return [v1.Unpinned(**head, pin_id=fact.pin_id)]
        case _:
            return [_of_somebody(fact, who, read, head)]


def _told_settings(settings: values.Settings, by: str, read: Read, notification: Notification) -> v1.Settings:
    return wire_settings(settings, read(notification.aggregate_id, settings.title_by or by, settings.title))


def _of_somebody(fact: Fact, who: Who, read: Read, head: dict[str, Any]) -> Event:
    match fact:
        case facts.SpeakRequested():
            return v1.SpeakRequested(
                **head,
                person=ref(who(fact.person.id)),
                message=_said(read(head["space_id"], fact.person.id, fact.message)),
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
