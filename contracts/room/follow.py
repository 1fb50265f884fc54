"""How a follower keeps a Space up to date: a snapshot from the `space` query, then the events with a higher version.

Used by everything that watches a Space from outside the room service. Pure: no I/O.
"""

from __future__ import annotations

from contracts.room import v1


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
            }
        case v1.Canceled():
            change |= {"state": v1.State.CANCELED, "ended_at": event.at}
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
            )
            change["stage"] = (*_without_member(space, event.person.id), member)
            change["requests"] = _without_request(space, event.person.id)
        case v1.StageLeft():
            change["stage"] = _without_member(space, event.person_id)
        case v1.Muted():
            change["stage"] = _with_muted(space, event.person_id, muted=True)
        case v1.Unmuted():
            change["stage"] = _with_muted(space, event.person_id, muted=False)
        case v1.Removed():
            change["stage"] = _without_member(space, event.person_id)
            change["requests"] = _without_request(space, event.person_id)
            if event.person_id not in space.removed:
                change["removed"] = (*space.removed, event.person_id)
        case _:
            pass
    return space.model_copy(update=change)


def member(space: v1.Space, person_id: str | None) -> v1.StageMember | None:
    """The person's place on stage, or None."""
    return next((m for m in space.stage if m.person.id == person_id), None)


def _without_member(space: v1.Space, person_id: str) -> tuple[v1.StageMember, ...]:
    return tuple(m for m in space.stage if m.person.id != person_id)


def _without_request(space: v1.Space, person_id: str) -> tuple[v1.SpeakRequest, ...]:
    return tuple(r for r in space.requests if r.person.id != person_id)


def _with_muted(space: v1.Space, person_id: str, *, muted: bool) -> tuple[v1.StageMember, ...]:
    return tuple(m.model_copy(update={"muted": muted}) if m.person.id == person_id else m for m in space.stage)
