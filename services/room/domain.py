"""The Space as an aggregate: what has happened to it, and what may happen next.

Pure: times and people are arguments. Facts are private to this service and are never edited once stored: their names
are for ever, and a fact only gains fields with a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from libs.eventstore import Fact, Meta, stored
from libs.refusal import Refusal

State = Literal["scheduled", "live", "ended", "canceled", "timed_out"]
Role = Literal["host", "cohost", "speaker", "listener"]
WhoCanJoin = Literal["everyone", "followers", "invited"]
WhoCanSpeak = Literal["everyone", "followed", "invited"]
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)
HOSTING: Final[frozenset[Role]] = frozenset({"host", "cohost"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of the rules."""

    stage: int = 13
    """People on stage at once, the host included."""
    schedule_ahead: timedelta = timedelta(days=30)


class Person(msgspec.Struct, frozen=True):
    """A person as they were when it happened."""

    id: str
    handle: str
    name: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the host chose."""

    title: str
    topics: tuple[str, ...] = ()
    lang: str = "en"
    recorded: bool = False
    captions: bool = False
    who_can_join: WhoCanJoin = "everyone"
    who_can_speak: WhoCanSpeak = "invited"


# ---- facts ------------------------------------------------------------------------------------------------------


@stored("space.created")
class Created(Fact):
    host: Person
    settings: Settings
    scheduled_start: datetime | None = None


@stored("space.started")
class Started(Fact):
    host: Person
    settings: Settings
    """As they stood at the start."""


@stored("space.canceled")
class Canceled(Fact):
    pass


@stored("space.ended")
class Ended(Fact):
    reason: Literal["host", "platform", "timed_out"] = "host"


@stored("space.speak_requested")
class SpeakRequested(Fact):
    person: Person
    message: str = ""
    consent_to_recording: bool = True


@stored("space.request_canceled")
class RequestCanceled(Fact):
    person_id: str


@stored("space.request_declined")
class RequestDeclined(Fact):
    person_id: str


@stored("space.stage_joined")
class StageJoined(Fact):
    person: Person
    role: Role = "speaker"
    consent_to_recording: bool = True
    because: Literal["accepted", "everyone", "followed"] = "accepted"
    """What let them in: a host, or the rule of who can speak as it held then."""


@stored("space.stage_left")
class StageLeft(Fact):
    person_id: str
    reason: Literal["stepped_down", "moved", "left", "lost"] = "stepped_down"


@stored("space.muted")
class Muted(Fact):
    person_id: str


@stored("space.unmuted")
class Unmuted(Fact):
    person_id: str


@stored("space.removed")
class Removed(Fact):
    person_id: str
    explanation: str = ""


# ---- the aggregate ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Member:
    """Somebody on stage."""

    person: Person
    role: Role
    consent_to_recording: bool
    joined_at: datetime
    muted: bool = True


@dataclass(slots=True)
class Request:
    """Somebody waiting to speak."""

    person: Person
    message: str
    consent_to_recording: bool
    requested_at: datetime


class Space:
    """One Space. Methods named as orders decide and return facts; `apply` takes facts in."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.version = 0
        self.state: State = "scheduled"
        self.host = Person("", "", "")
        self.settings = Settings(title="")
        self.created_at = _NEVER
        self.scheduled_start: datetime | None = None
        self.started_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.stage: dict[str, Member] = {}
        """By person, in the order they came."""
        self.requests: dict[str, Request] = {}
        """By person, in the order of time."""
        self.removed: dict[str, None] = {}
        """Insertion-ordered set of people."""

    # -- deciding ----------------------------------------------------------------------------------------------

    def create(
        self,
        host: Person,
        settings: Settings,
        *,
        scheduled_start: datetime | None,
        now: datetime,
        limits: Limits,
    ) -> list[Fact]:
        """With a start it waits for that, without one it is live at once."""
        if self.version:
            raise Refusal("wrong_state", "There is a Space with this id already.")
        if scheduled_start is not None:
            if scheduled_start <= now:
                raise Refusal("invalid", "The start lies in the past; leave it out to start now.")
            if scheduled_start > now + limits.schedule_ahead:
                days = limits.schedule_ahead.days
                raise Refusal("invalid", f"A Space can be scheduled at most {days} days ahead.")
        created = Created(
            host=host,
            settings=settings,
            scheduled_start=scheduled_start,
        )
        if scheduled_start is not None:
            return [created]
        return [created, Started(host=host, settings=settings)]

    def start(self, actor: str | None) -> list[Fact]:
        self._must_be_host(actor)
        self._must_be_scheduled()
        return [Started(host=self.host, settings=self.settings)]

    def cancel(self, actor: str | None) -> list[Fact]:
        self._must_be_host(actor)
        self._must_be_scheduled()
        return [Canceled()]

    def end(self, actor: str | None, *, operator: bool = False) -> list[Fact]:
        self._must_exist()
        by_host = actor is not None and actor == self.host.id
        if not by_host and not operator:
            raise Refusal("not_host", "Only the host can end the Space.")
        self._must_be_live()
        return [Ended(reason="host" if by_host else "platform")]

    def request_to_speak(
        self, person: Person, message: str, *, consent_to_recording: bool, followed_by_host: bool, limits: Limits
    ) -> list[Fact]:
        """Onto the stage where the rule of who can speak allows it, else into the queue."""
        self._must_be_live()
        self._must_not_be_removed(person.id)
        if person.id in self.stage:
            raise Refusal("already_on_stage", "You are on stage already.")
        if person.id in self.requests:
            raise Refusal("already_requested", "You are in the queue already.")
        rule = self.settings.who_can_speak
        if rule == "everyone" or (rule == "followed" and followed_by_host):
            self._must_have_room(limits)
            return [StageJoined(person=person, consent_to_recording=consent_to_recording, because=rule)]
        return [SpeakRequested(person=person, message=message, consent_to_recording=consent_to_recording)]

    def cancel_request(self, actor: str | None) -> list[Fact]:
        self._must_exist()
        return [RequestCanceled(person_id=self._request(actor).person.id)]

    def accept_request(self, actor: str | None, person_id: str, *, limits: Limits) -> list[Fact]:
        self._must_be_hosting(actor)
        self._must_be_live()
        request = self._request(person_id)
        self._must_have_room(limits)
        return [StageJoined(person=request.person, consent_to_recording=request.consent_to_recording)]

    def decline_request(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_be_hosting(actor)
        return [RequestDeclined(person_id=self._request(person_id).person.id)]

    def mute(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_exist()
        if actor != person_id:
            self._must_be_hosting(actor)
        self._must_be_live()
        return [] if self._member(person_id).muted else [Muted(person_id=person_id)]

    def unmute(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_be_live()
        if actor != person_id:
            raise Refusal("only_self", "Only the person can open their own microphone.")
        return [Unmuted(person_id=person_id)] if self._member(person_id).muted else []

    def leave_stage(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_exist()
        if actor != person_id:
            self._must_be_hosting(actor)
        self._must_be_live()
        member = self._member(person_id)
        if member.role == "host":
            raise Refusal("not_allowed", "The host cannot leave the stage; end the Space instead.")
        if actor == person_id:
            return [StageLeft(person_id=person_id, reason="stepped_down")]
        self._must_outrank(actor, person_id)
        return [StageLeft(person_id=person_id, reason="moved")]

    def remove(self, actor: str | None, person_id: str, explanation: str) -> list[Fact]:
        self._must_be_hosting(actor)
        if actor == person_id:
            raise Refusal("not_allowed", "You cannot remove yourself.")
        self._must_outrank(actor, person_id)
        return [] if person_id in self.removed else [Removed(person_id=person_id, explanation=explanation)]

    # -- what others must know of it ---------------------------------------------------------------------------

    def role_of(self, person_id: str | None) -> Role:
        """What somebody is in it; the host is host before the start too."""
        if person_id is None:
            return "listener"
        if person_id == self.host.id:
            return "host"
        member = self.stage.get(person_id)
        return member.role if member else "listener"

    def admit(self, person_id: str | None, *, blocked: bool, follows_host: bool) -> None:
        """Whether somebody may be in it now. Raises Refusal: space_unknown, not_live, removed, blocked, not_allowed."""
        self._must_be_live()
        self._must_not_be_removed(person_id)
        if blocked:
            raise Refusal("blocked", "You cannot join this Space.")
        if self.role_of(person_id) != "listener":
            return
        if self.settings.who_can_join == "followers" and not follows_host:
            raise Refusal("not_allowed", "Only people who follow the host can join this Space.")
        if self.settings.who_can_join == "invited":
            raise Refusal("not_allowed", "Only people who were invited can join this Space.")

    def may_be_seen_by(self, person_id: str | None) -> None:
        """Raises Refusal: space_unknown, removed."""
        self._must_exist()
        self._must_not_be_removed(person_id)

    def may_react(self, person_id: str | None) -> None:
        """Raises Refusal: space_unknown, not_live, removed."""
        self._must_be_live()
        self._must_not_be_removed(person_id)

    # -- conditions --------------------------------------------------------------------------------------------

    def _must_exist(self) -> None:
        if not self.version:
            raise Refusal("space_unknown", "There is no such Space.")

    def _must_be_live(self) -> None:
        self._must_exist()
        if self.state == "scheduled":
            raise Refusal("not_live", "The Space has not started yet.")
        if self.state != "live":
            raise Refusal("not_live", "The Space is over.")

    def _must_be_scheduled(self) -> None:
        if self.state != "scheduled":
            raise Refusal("not_scheduled", "The Space has started, or was canceled, already.")

    def _must_be_host(self, actor: str | None) -> None:
        self._must_exist()
        if actor is None or actor != self.host.id:
            raise Refusal("not_host", "Only the host can do that.")

    def _must_be_hosting(self, actor: str | None) -> None:
        self._must_exist()
        if self.role_of(actor) not in HOSTING:
            raise Refusal("not_host", "Only the host and co-hosts can do that.")

    def _must_outrank(self, actor: str | None, person_id: str) -> None:
        role = self.role_of(person_id)
        if role == "host" or (role == "cohost" and self.role_of(actor) != "host"):
            raise Refusal("not_allowed", "You cannot do that to a host of this Space.")

    def _must_not_be_removed(self, person_id: str | None) -> None:
        if person_id in self.removed:
            raise Refusal("removed", "You were removed from this Space.")

    def _must_have_room(self, limits: Limits) -> None:
        if len(self.stage) >= limits.stage:
            raise Refusal("stage_full", "The stage is full; try again when somebody has left it.")

    def _request(self, person_id: str | None) -> Request:
        request = self.requests.get(person_id or "")
        if request is None:
            raise Refusal("request_unknown", "There is no such request to speak.")
        return request

    def _member(self, person_id: str) -> Member:
        member = self.stage.get(person_id)
        if member is None:
            raise Refusal("not_on_stage", "This person is not on stage.")
        return member

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take a fact in."""
        match fact:
            case Muted():
                self.stage[fact.person_id].muted = True
            case Unmuted():
                self.stage[fact.person_id].muted = False
            case SpeakRequested():
                self.requests[fact.person.id] = Request(fact.person, fact.message, fact.consent_to_recording, meta.at)
            case RequestCanceled() | RequestDeclined():
                self.requests.pop(fact.person_id, None)
            case StageJoined():
                self.requests.pop(fact.person.id, None)
                self.stage.pop(fact.person.id, None)
                self.stage[fact.person.id] = Member(fact.person, fact.role, fact.consent_to_recording, meta.at)
            case StageLeft():
                self.stage.pop(fact.person_id, None)
            case Removed():
                self.stage.pop(fact.person_id, None)
                self.requests.pop(fact.person_id, None)
                self.removed[fact.person_id] = None
            case Created():
                self.host, self.settings = fact.host, fact.settings
                self.created_at, self.scheduled_start = meta.at, fact.scheduled_start
            case Started():
                self.state, self.started_at = "live", meta.at
                self.host, self.settings = fact.host, fact.settings
                self.stage = {self.host.id: Member(self.host, "host", True, meta.at)}
            case Ended():
                self.state = "timed_out" if fact.reason == "timed_out" else "ended"
                self.ended_at = meta.at
                self.stage.clear()
                self.requests.clear()
            case Canceled():
                self.state, self.ended_at = "canceled", meta.at
            case _:
                raise TypeError(f"{type(fact).__name__} is no fact of a Space")
