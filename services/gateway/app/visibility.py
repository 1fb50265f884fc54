"""Who may be shown which event: the rules, and what they need to know of a Space. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from contracts.discovery.v1 import BarChanged, BarsChanged
from contracts.envelope import Audience, Event
from contracts.listening import names_a_listener
from contracts.people.v1 import ReminderDue
from contracts.presence.v1 import Counted
from contracts.room.follow import follow, member
from contracts.room.v1 import (
    Canceled,
    Ended,
    Invited,
    InvitedTo,
    Readmitted,
    Removed,
    Role,
    Space,
    SpaceEvent,
    StageJoined,
    Started,
    Uninvited,
)
from contracts.transcription.v1 import OwnCaptionCorrected


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever watches; `person_id` is None for somebody anonymous."""

    person_id: str | None = None
    operator: bool = False
    until: datetime | None = None
    """When the token ends that proves it; None without one."""
    token_id: str | None = None
    issued_at: datetime | None = None
    """When that token was made."""
    sign_in: str | None = None
    """Names the sign-in elsewhere that the token comes of; revoked like a token."""
    key_id: str | None = None
    """The API key of a server, whose text is of `issued_at`."""


class ViewerRole(StrEnum):
    """What a viewer is to a Space at this moment."""

    HOST = "host"
    COHOST = "cohost"
    SPEAKER = "speaker"
    LISTENER = "listener"
    REMOVED = "removed"


_STAGE = frozenset({ViewerRole.HOST, ViewerRole.COHOST, ViewerRole.SPEAKER})
_HOSTS = frozenset({ViewerRole.HOST, ViewerRole.COHOST})


@dataclass(slots=True)
class SpaceNow:
    """A Space as the events up to the hub's position have it."""

    space: Space
    listeners: int = 0
    removed: set[str] = field(init=False)
    """Who is out, which is asked of every client for every event."""
    spoke: set[str] = field(init=False)
    """Who was on stage as long as it is known here: captions name them."""

    def __post_init__(self) -> None:
        self.removed = set(self.space.removed)
        self.spoke = {one.person.id for one in self.space.stage}

    def apply(self, event: Event) -> None:
        """Take in one event of this Space; an event it already contains changes nothing."""
        if isinstance(event, SpaceEvent):
            before, self.space = self.space, follow(self.space, event)
            match event:
                case Removed() if self.space is not before:
                    self.removed.add(event.person_id)
                case Readmitted() if self.space is not before:
                    self.removed.discard(event.person_id)
                case StageJoined() | Started():
                    self.spoke.update(one.person.id for one in self.space.stage)
                case Ended() | Canceled() if self.space.settings.ephemeral:
                    self.listeners = 0
                    self.removed.clear()
                    self.spoke.clear()
                case Ended():
                    self.listeners = 0
                case _:
                    pass
        elif isinstance(event, Counted):
            self.listeners = event.listeners

    def named_to(self, viewer: Viewer) -> set[str]:
        """Ids of the people of whom this viewer reads here what they are called: of those who wait or are invited,
        hosts and nobody else."""
        role = self.role_of(viewer)
        if role is ViewerRole.REMOVED:
            return set()
        named = self._named_to_all()
        if viewer.person_id is not None:
            named.add(viewer.person_id)
        return named | self._named_to_hosts() if role in _HOSTS else named

    def named(self) -> set[str]:
        """Ids of the people of whom anybody reads here what they are called, or wrote."""
        return self._named_to_all() | self._named_to_hosts()

    def _named_to_all(self) -> set[str]:
        return {self.space.host.id, *self.spoke, *(pin.person.id for pin in self.space.pins)}

    def _named_to_hosts(self) -> set[str]:
        asking = {request.person.id for request in self.space.requests}
        return asking | {invitation.person.id for invitation in self.space.invitations}

    def role_of(self, viewer: Viewer) -> ViewerRole:
        """What the viewer is here, now."""
        person_id = viewer.person_id
        if person_id is None:
            return ViewerRole.LISTENER
        if person_id in self.removed:
            return ViewerRole.REMOVED
        if person_id == self.space.host.id:
            # Also before the start and after the end, when nobody stands on stage.
            return ViewerRole.HOST
        here = member(self.space, person_id)
        match here.role if here else None:
            case Role.HOST:
                return ViewerRole.HOST
            case Role.COHOST:
                return ViewerRole.COHOST
            case Role.SPEAKER:
                return ViewerRole.SPEAKER
            case _:
                return ViewerRole.LISTENER


def told_wherever(event: Event) -> str | None:
    """Whom this is told to in their live bar, wherever they are; None for what is not, or for many."""
    match event:
        case BarChanged() | ReminderDue() | OwnCaptionCorrected():
            return event.person_id
        case Invited(to=InvitedTo.JOIN):
            return event.person.id
        case Uninvited():
            return event.person_id
        case _:
            return None


def concerns_space(event: Event) -> str | None:
    """The Space in whose live events this belongs. What is told in somebody's live bar is not."""
    return None if isinstance(event, BarChanged | BarsChanged | ReminderDue) else event.space


def told_to(event: Event, viewer: Viewer) -> Event:
    """What a viewer is told of an event they may see: of one for many people, nothing of the others."""
    if isinstance(event, BarsChanged) and viewer.person_id is not None:
        return event.to(viewer.person_id)
    return event


def may_see(event: Event, viewer: Viewer, role: ViewerRole) -> bool:
    """Whether somebody of this role is shown an event of the Space they watch.

    The audience that the event's type declares decides, with two exceptions. A removed person is shown their own
    removal and nothing after it. Nobody is told who listens, for they may be hiding: hosts nothing of their
    connections, and nobody that they are out because of a block. Operators see here what any person sees; what is for
    them alone has its own stream.
    """
    if role is ViewerRole.REMOVED:
        return ends_for(event, viewer)
    if names_a_listener(event):
        return viewer.person_id is not None and viewer.person_id == getattr(event, "person_id", None)
    audience = event.audience
    if Audience.PUBLIC in audience:
        return True
    if Audience.STAGE in audience and role in _STAGE:
        return True
    if Audience.HOSTS in audience and role in _HOSTS:
        return True
    return Audience.PERSON in audience and viewer.person_id is not None and viewer.person_id in event.people()


def ends_for(event: Event, viewer: Viewer) -> bool:
    """Whether this is the last event that the viewer is shown of the Space."""
    return isinstance(event, Removed) and event.person_id == viewer.person_id
