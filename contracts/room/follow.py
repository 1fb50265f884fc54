"""How a follower keeps a Space up to date: a snapshot from the `space` query, then the events with a higher version.

Used by everything that watches a Space from outside the room service. Pure: no I/O of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol

from contracts.commands import Query, R
from contracts.room import v1

_PAGE: Final = 500
_NOTHING: Final[dict[str, object]] = {"pins": (), "words": (), "removed": (), "invited": ()}


class Ask(Protocol):
    """Asks the room service. Raises Refusal, Unavailable."""

    def __call__(self, query: Query[R], /) -> Awaitable[R]: ...


async def snapshot(space_id: str, ask: Ask, *, words: bool = True) -> v1.Space:
    """The Space with everybody who was removed, of whom it tells only the newest; without `words`, not with what people
    wrote in it. Raises what `ask` raises.

    Whoever is removed or comes back while pages are read, does so by an event with a higher version, which the follower
    applies to the snapshot.
    """
    space = await ask(v1.SpaceQuery(space_id=space_id, follower=True, words=words))
    if len(space.removed) < v1.TOLD:
        return space
    removed: list[str] = []
    after: str | None = ""
    while after is not None:
        query = v1.SpacePeopleQuery(
            space_id=space_id, which=v1.PeopleList.REMOVED, follower=True, limit=_PAGE, after=after
        )
        page = await ask(query)
        removed += page.ids
        after = page.next
    return space.model_copy(update={"removed": tuple(removed)})


def follow(space: v1.Space, event: v1.SpaceEvent) -> v1.Space:
    """The Space after `event`; the same Space for an event it already contains.

    Versions rise, but a version may have no contract event, so a jump is no gap. Raises ValueError for an event of
    another Space.
    """
    if event.space_id != space.id:
        raise ValueError(f"event of {event.space_id} for a follower of {space.id}")
    if event.version <= space.version:
        return space
    change: dict[str, object] = {"version": event.version}
    match event:
        case v1.Started():
            host = v1.StageMember(person=event.host, role=v1.Role.HOST, muted=True, joined_at=event.at)
            change |= {
                "state": v1.State.LIVE,
                "started_at": event.at,
                "host": event.host,
                "settings": event.settings,
                "stage": (host,),
            }
        case v1.Ended():
            timed_out = event.reason == "timed_out"
            change |= {
                "state": v1.State.TIMED_OUT if timed_out else v1.State.ENDED,
                "ended_at": event.at,
                "stage": (),
                "requests": (),
                "invitations": (),
                **_left_of(space),
            }
        case v1.Canceled():
            change |= {"state": v1.State.CANCELED, "ended_at": event.at, **_left_of(space)}
        case v1.SpaceDeleted():
            change |= {"state": v1.State.DELETED, **_NOTHING, "settings": _untitled(space.settings)}
        case v1.SpeakRequested():
            request = v1.SpeakRequest(
                person=event.person,
                message=event.message,
                consent_to_recording=event.consent_to_recording,
                requested_at=event.at,
            )
            change["requests"] = (*space.requests, request)
        case v1.RequestCanceled() | v1.RequestDeclined():
            change["requests"] = _without_request(space, event.person_id)
        case v1.StageJoined():
            member = v1.StageMember(
                person=event.person,
                role=event.role,
                muted=True,
                consent_to_recording=event.consent_to_recording,
                joined_at=event.at,
                lang=event.lang,
            )
            change["stage"] = (*_without_member(space, event.person.id), member)
            change["requests"] = _without_request(space, event.person.id)
            change["invitations"] = _without_invitation(space, event.person.id)
        case v1.StageLeft():
            change["stage"] = _without_member(space, event.person_id)
        case v1.Muted():
            change["stage"] = _with_member(space, event.person_id, muted=True)
        case v1.Unmuted():
            change["stage"] = _with_member(space, event.person_id, muted=False, hand_raised=False)
        case v1.Removed():
            change["stage"] = _without_member(space, event.person_id)
            change["requests"] = _without_request(space, event.person_id)
            change["invitations"] = _without_invitation(space, event.person_id)
            if event.person_id not in space.removed:
                change["removed"] = (*space.removed, event.person_id)
        case v1.Readmitted():
            change["removed"] = tuple(p for p in space.removed if p != event.person_id)
        case v1.SettingsChanged():
            change["settings"] = event.settings
        case v1.WordsChanged():
            change["words"] = event.words
        case v1.Rescheduled():
            change["scheduled_start"] = event.scheduled_start
        case v1.HostChanged():
            left = space.model_copy(update={"stage": _without_member(space, event.previous_id)})
            change["stage"] = _with_member(left, event.host.id, role=v1.Role.HOST)
            change["host"] = event.host
        case _:
            change |= _of_people(space, event)
    return space.model_copy(update=change)


def _left_of(space: v1.Space) -> dict[str, object]:
    """What is otherwise once a Space is over: of an ephemeral one nothing is left that anybody wrote or did."""
    if not space.settings.ephemeral:
        return {}
    return {**_NOTHING, "settings": _untitled(space.settings)}


def _untitled(settings: v1.Settings) -> v1.Settings:
    return settings.model_copy(update={"title": v1.TITLE_REMOVED, "topics": ()})


def _of_people(space: v1.Space, event: v1.SpaceEvent) -> dict[str, object]:
    change: dict[str, object] = {}
    match event:
        case v1.Invited():
            if event.invitation is not None:
                change["invitations"] = (*_without_invitation(space, event.person.id), event.invitation)
            if event.person.id not in space.invited:
                change["invited"] = (*space.invited, event.person.id)
        case v1.InvitationClosed():
            change["invitations"] = _without_invitation(space, event.person_id)
        case v1.Uninvited():
            change["invitations"] = _without_invitation(space, event.person_id)
            change["invited"] = tuple(one for one in space.invited if one != event.person_id)
        case v1.LanguageChosen():
            change["stage"] = _with_member(space, event.person_id, lang=event.lang)
        case v1.HandRaised():
            change["stage"] = _with_member(space, event.person_id, hand_raised=True)
        case v1.HandLowered():
            change["stage"] = _with_member(space, event.person_id, hand_raised=False)
        case v1.CohostAppointed():
            change["stage"] = _with_member(space, event.person_id, role=v1.Role.COHOST)
        case v1.CohostDismissed():
            change["stage"] = _with_member(space, event.person_id, role=v1.Role.SPEAKER)
        case v1.Arrived():
            change["stage"] = _with_member(space, event.person_id, lost_until=None)
        case v1.Lost():
            change["stage"] = _with_member(space, event.person_id, lost_until=event.until)
        case v1.RequestHeld():
            change["requests"] = tuple(
                r.model_copy(update={"lost_until": event.until}) if r.person.id == event.person_id else r
                for r in space.requests
            )
        case v1.Pinned():
            change["pins"] = (*space.pins, event.pin)
        case v1.Unpinned():
            change["pins"] = tuple(pin for pin in space.pins if pin.id != event.pin_id)
        case _:
            pass
    return change


def member(space: v1.Space, person_id: str | None) -> v1.StageMember | None:
    """The person's place on stage, or None."""
    return next((m for m in space.stage if m.person.id == person_id), None)


def _without_member(space: v1.Space, person_id: str) -> tuple[v1.StageMember, ...]:
    return tuple(m for m in space.stage if m.person.id != person_id)


def _without_request(space: v1.Space, person_id: str) -> tuple[v1.SpeakRequest, ...]:
    return tuple(r for r in space.requests if r.person.id != person_id)


def _without_invitation(space: v1.Space, person_id: str) -> tuple[v1.Invitation, ...]:
    return tuple(i for i in space.invitations if i.person.id != person_id)


def _with_member(space: v1.Space, person_id: str, **update: object) -> tuple[v1.StageMember, ...]:
    return tuple(m.model_copy(update=update) if m.person.id == person_id else m for m in space.stage)
