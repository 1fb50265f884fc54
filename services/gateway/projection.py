"""What the gateway knows of a Space while somebody watches it, and who may be shown which event. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.discovery.v1 import BarChanged, BarsChanged
from contracts.envelope import Audience, Event
from contracts.people.v1 import ReminderDue
from contracts.presence.v1 import Counted
from contracts.room.follow import follow, member
from contracts.room.v1 import Ended, Removed, Role, Space, SpaceEvent


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever watches; `person_id` is None for somebody anonymous."""

    person_id: str | None = None
    operator: bool = False


class Standing(StrEnum):
    """What a viewer is to a Space at this moment."""

    HOST = "host"
    COHOST = "cohost"
    SPEAKER = "speaker"
    LISTENER = "listener"
    REMOVED = "removed"


_STAGE = frozenset({Standing.HOST, Standing.COHOST, Standing.SPEAKER})
_HOSTS = frozenset({Standing.HOST, Standing.COHOST})


@dataclass(slots=True)
class Watched:
    """A Space as the events up to the hub's position have it."""

    space: Space
    listeners: int = 0

    def apply(self, event: Event) -> None:
        """Take in one event of this Space; an event it already contains changes nothing."""
        if isinstance(event, SpaceEvent):
            self.space = follow(self.space, event)
            if isinstance(event, Ended):
                self.listeners = 0
        elif isinstance(event, Counted):
            self.listeners = event.listeners

    def standing(self, viewer: Viewer) -> Standing:
        """What the viewer is here, now."""
        person_id = viewer.person_id
        if person_id is None:
            return Standing.LISTENER
        if person_id in self.space.removed:
            return Standing.REMOVED
        if person_id == self.space.host.id:
            # Also before the start and after the end, when nobody stands on stage.
            return Standing.HOST
        here = member(self.space, person_id)
        match here.role if here else None:
            case Role.HOST:
                return Standing.HOST
            case Role.COHOST:
                return Standing.COHOST
            case Role.SPEAKER:
                return Standing.SPEAKER
            case _:
                return Standing.LISTENER


def concerns_space(event: Event) -> str | None:
    """The Space in whose live events this belongs. What is told in somebody's live bar is not."""
    return None if isinstance(event, BarChanged | BarsChanged | ReminderDue) else event.space


def told_to(event: Event, viewer: Viewer) -> Event:
    """What a viewer is told of an event they may see: of one for many people, nothing of the others."""
    if isinstance(event, BarsChanged) and viewer.person_id is not None:
        return event.to(viewer.person_id)
    return event


def may_see(event: Event, viewer: Viewer, standing: Standing) -> bool:
    """Whether somebody of this standing is shown an event of the Space they watch.

    By the audience its type declares and nothing else, but that a removed person is shown their own removal, and after
    it nothing. Operators see here what any person sees; what is for them alone has its own stream.
    """
    if standing is Standing.REMOVED:
        return ends_for(event, viewer)
    audience = event.audience
    if Audience.PUBLIC in audience:
        return True
    if Audience.STAGE in audience and standing in _STAGE:
        return True
    if Audience.HOSTS in audience and standing in _HOSTS:
        return True
    return Audience.PERSON in audience and viewer.person_id is not None and viewer.person_id in event.people()


def ends_for(event: Event, viewer: Viewer) -> bool:
    """Whether this is the last event that the viewer is shown of the Space."""
    return isinstance(event, Removed) and event.person_id == viewer.person_id
