"""Contract events as a consumer gets them, without a bus."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts.envelope import Event, PersonRef, headers
from contracts.room import v1 as room
from libs.bus import Received

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""When everything begins in a test."""


def at(seconds: float) -> datetime:
    """So many seconds after START."""
    return START + timedelta(seconds=seconds)


def person(name: str) -> PersonRef:
    """Somebody whose id, handle and name follow from one word of letters and digits."""
    letters = name.lower().translate(str.maketrans("ilou", "1100"))
    return PersonRef(id=letters.rjust(26, "0"), handle=name.lower(), name=name.capitalize())


def space(name: str) -> str:
    """The id of a Space, from one word."""
    return person(f"s{name}").id


class Stream:
    """Numbers events as the stream would."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def receive(self, *events: Event) -> list[Received]:
        """These events, each at the next place."""
        result = []
        for event in events:
            id = str(self._next)
            result.append(Received(event, self._next, event.at, headers(event, id=id, source=event.context)))
            self._next += 1
        return result


def created(
    space_id: str, host: PersonRef, *, title: str = "Tea", seconds: float = 0, version: int = 1, **settings: object
) -> room.Created:
    """A Space exists."""
    chosen = room.Settings.model_validate({"title": title, **settings})
    return room.Created(space_id=space_id, version=version, at=at(seconds), actor=host.id, host=host, settings=chosen)


def started(
    space_id: str, host: PersonRef, *, title: str = "Tea", seconds: float = 0, version: int = 2, **settings: object
) -> room.Started:
    """A Space is live."""
    chosen = room.Settings.model_validate({"title": title, **settings})
    return room.Started(space_id=space_id, version=version, at=at(seconds), actor=host.id, host=host, settings=chosen)


def stage_joined(space_id: str, who: PersonRef, *, seconds: float = 0, version: int) -> room.StageJoined:
    """Somebody came on stage."""
    return room.StageJoined(space_id=space_id, version=version, at=at(seconds), person=who, role=room.Role.SPEAKER)


def stage_left(space_id: str, who: PersonRef, *, seconds: float = 0, version: int) -> room.StageLeft:
    """Somebody left the stage."""
    return room.StageLeft(space_id=space_id, version=version, at=at(seconds), person_id=who.id)


def ended(space_id: str, *, seconds: float = 0, version: int) -> room.Ended:
    """A Space is over."""
    return room.Ended(space_id=space_id, version=version, at=at(seconds))
