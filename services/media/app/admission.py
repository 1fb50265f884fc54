"""Who may connect, by the present state of the Space."""

from __future__ import annotations

from contracts.media import v1
from contracts.room import v1 as room
from contracts.room.follow import member
from libs.refusal import Refusal


def admit(space: room.Space, command: v1.Connect) -> tuple[bool, bool]:
    """Return whether the person is muted, and whether they consent to be recorded.

    The Space's present state decides; the gateway's grant may be older.

    Refuses: not_live, removed, not_on_stage.
    """
    if space.state is not room.State.LIVE:
        raise Refusal("not_live", "This Space is not live.")
    person_id = None if command.person is None else command.person.id
    if person_id is not None and person_id in space.removed:
        raise Refusal("removed", "You were removed from this Space.")
    if command.direction == "subscribe":
        return False, False
    place = member(space, person_id)
    if place is None:
        raise Refusal("not_on_stage", "You are not on stage.")
    return place.muted, place.consent_to_recording
