"""Decisions about the Space as a whole: its life, its settings, its host, who must go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from libs.eventstore import Fact
from libs.refusal import Refusal
from services.room.domain.facts import (
    Arrived,
    Canceled,
    Created,
    Ended,
    HostChanged,
    InvitationClosed,
    Lost,
    Readmitted,
    Removed,
    RequestCanceled,
    RequestHeld,
    Rescheduled,
    SettingsChanged,
    StageLeft,
    Started,
)
from services.room.domain.state import Standing
from services.room.domain.words import Because, Limits, Member, Person, Settings


class Lifecycle(Standing):
    """Methods named as orders decide and return facts, none where nothing changes; they raise Refusal."""

    def create(
        self,
        host: Person,
        settings: Settings,
        *,
        scheduled_start: datetime | None,
        now: datetime,
        limits: Limits,
        slot: int | None = None,
    ) -> list[Fact]:
        """With a start it waits for that, without one it is live at once."""
        if self.version:
            raise Refusal("wrong_state", "There is a Space with this id already.")
        _must_be_topics(settings.topics, limits)
        if scheduled_start is not None:
            _must_be_a_start(scheduled_start, now, limits)
        created = Created(host=host, settings=settings, scheduled_start=scheduled_start, slot=slot)
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

    def reschedule(self, actor: str | None, start: datetime, *, now: datetime, limits: Limits) -> list[Fact]:
        self._must_be_host(actor)
        self._must_be_scheduled()
        _must_be_a_start(start, now, limits)
        return [] if start == self.scheduled_start else [Rescheduled(scheduled_start=start)]

    def end(self, actor: str | None, *, operator: bool = False) -> list[Fact]:
        """By its host, or by the platform."""
        self._must_exist()
        by_host = actor is not None and actor == self.host.id
        if not by_host and not operator:
            raise Refusal("not_host", "Only the host can end the Space.")
        self._must_be_live()
        return [Ended(reason="host" if by_host else "platform")]

    def change_settings(self, actor: str | None, limits: Limits, **changes: Any) -> list[Fact]:
        """`changes` are fields of Settings; whether it is recorded and captioned is chosen before the start."""
        self._must_be_host(actor)
        self._must_not_be_over()
        if self.state == "live" and ("recorded" in changes or "captions" in changes):
            raise Refusal("wrong_state", "Recording and captions are chosen before the Space starts.")
        _must_be_topics(changes.get("topics", ()), limits)
        settings = msgspec.structs.replace(self.settings, **changes)
        return [] if settings == self.settings else [SettingsChanged(settings=settings)]

    def hand_over(self, actor: str | None, person_id: str) -> list[Fact]:
        """The host leaves, and a co-host takes their place."""
        self._must_be_host(actor)
        self._must_be_live()
        if self.role_of(person_id) != "cohost":
            raise Refusal("not_allowed", "Only a co-host can take over; appoint one first.")
        host = self._member(person_id).person
        return [HostChanged(host=host, previous_id=self.host.id, reason="handed_over")]

    # -- who must go -------------------------------------------------------------------------------------------

    def remove(self, actor: str | None, person_id: str, explanation: str) -> list[Fact]:
        self._must_be_hosting(actor)
        if actor == person_id:
            raise Refusal("not_allowed", "You cannot remove yourself.")
        self._must_outrank(actor, person_id)
        if self.removed.get(person_id) == "removed":
            return []
        return [Removed(person_id=person_id, explanation=explanation)]

    def readmit(self, actor: str | None, person_id: str) -> list[Fact]:
        """A host undoes a removal."""
        self._must_be_hosting(actor)
        because = self.removed.get(person_id)
        if because not in (None, "removed"):
            raise Refusal("not_allowed", "A block or a suspension stands in the way, not a removal.")
        return [Readmitted(person_id=person_id)] if because else []

    def bar(self, person_id: str, because: Because) -> list[Fact]:
        """What follows from a block between somebody and the host, or from a suspension: also of the host."""
        if person_id == self.host.id:
            if because != "suspended":
                return []
            if self.state == "live":
                return [Ended(reason="platform")]
            return [Canceled()] if self.state == "scheduled" else []
        if self.state not in ("live", "scheduled") or person_id in self.removed:
            return []
        return [Removed(person_id=person_id, because=because)]

    def unbar(self, person_id: str, because: Because) -> list[Fact]:
        """What follows when the block or the suspension is lifted."""
        return [Readmitted(person_id=person_id)] if self.removed.get(person_id) == because != "removed" else []

    # -- time --------------------------------------------------------------------------------------------------

    def pass_time(self, now: datetime, present: Callable[[str], bool] | None, limits: Limits) -> list[Fact]:
        """What comes of the time being `now`: invitations lapse; whose connection dropped is missed, and loses their
        place when the grace is over.

        `present` tells who is connected, None where that is not known yet, so shortly after a restart: then nobody
        is missed, and nobody loses anything.
        """
        if self.state != "live":
            return []
        facts: list[Fact] = [
            InvitationClosed(person_id=person_id, reason="expired")
            for person_id, invitation in self.invitations.items()
            if invitation.expires_at <= now
        ]
        if present is None:
            return facts
        for person_id, request in self.requests.items():
            if present(person_id):
                if request.lost_until is not None:
                    facts.append(RequestHeld(person_id=person_id))
            elif request.lost_until is None and request.here:
                facts.append(RequestHeld(person_id=person_id, until=now + limits.grace))
            elif request.lost_until is not None and request.lost_until <= now:
                facts.append(RequestCanceled(person_id=person_id))
        gone: list[Member] = []
        for person_id, member in self.stage.items():
            if present(person_id):
                if not member.here or member.lost_until is not None:
                    facts.append(Arrived(person_id=person_id))
            elif member.lost_until is None and member.here:
                facts.append(Lost(person_id=person_id, until=now + limits.grace))
            elif member.lost_until is not None and member.lost_until <= now:
                gone.append(member)
        facts += [StageLeft(person_id=m.person.id, reason="lost") for m in gone if m.role != "host"]
        if any(member.role == "host" for member in gone):
            facts.append(self._after_the_host(present))
        return facts

    def next_due(self) -> datetime | None:
        """When `pass_time` has something to do though nobody comes or goes; None: never."""
        if self.state != "live":
            return None
        due = [invitation.expires_at for invitation in self.invitations.values()]
        due += [member.lost_until for member in self.stage.values() if member.lost_until]
        due += [request.lost_until for request in self.requests.values() if request.lost_until]
        return min(due, default=None)

    def _after_the_host(self, present: Callable[[str], bool]) -> Fact:
        """The longest-serving co-host takes over; one that is lost, too, does not."""
        heirs = [
            member
            for member in self.stage.values()
            if member.cohost_since is not None and (present(member.person.id) or not member.here)
        ]
        if not heirs:
            return Ended(reason="timed_out")
        heir = min(heirs, key=lambda member: (member.cohost_since is None, member.cohost_since))
        return HostChanged(host=heir.person, previous_id=self.host.id, reason="lost")


def _must_be_a_start(start: datetime, now: datetime, limits: Limits) -> None:
    if start <= now:
        raise Refusal("invalid", "The start lies in the past; leave it out to start now.")
    if start > now + limits.schedule_ahead:
        raise Refusal("invalid", f"A Space can be scheduled at most {limits.schedule_ahead.days} days ahead.")


def _must_be_topics(topics: tuple[str, ...], limits: Limits) -> None:
    unknown = [topic for topic in topics if limits.topics is not None and topic not in limits.topics]
    if unknown:
        raise Refusal("invalid", f"There is no topic {unknown[0]!r}; choose from the list.")
