"""Decisions about the Space as a whole: its life, its settings, its host, who must go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from libs.eventstore import Fact
from libs.refusal import Refusal
from services.room.domain.facts import (
    Arrived,
    Canceled,
    Created,
    Deleted,
    Ended,
    HostChanged,
    InvitationClosed,
    Invited,
    Lost,
    Readmitted,
    Removed,
    RequestCanceled,
    RequestHeld,
    Rescheduled,
    SettingsChanged,
    StageLeft,
    Started,
    WordsChanged,
)
from services.room.domain.languages import must_be_a_language
from services.room.domain.limits import Limits
from services.room.domain.state import SpaceState
from services.room.domain.values import Because, Member, Person, Settings
from services.room.domain.word_list import tidy

_CONNECTING: Final = timedelta(seconds=5)
"""Nobody is told within this time that somebody who came on stage is missing: clients connect afterwards."""

_BEFORE_THE_START: Final = frozenset({"recorded", "captions", "ephemeral"})


class Lifecycle(SpaceState):
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
        platform: str = "web",
        words: tuple[str, ...] = (),
    ) -> list[Fact]:
        """With a start it waits for that, without one it is live at once."""
        if self.version:
            raise Refusal("wrong_state", "There is a Space with this id already.")
        _must_be_topics(settings.topics, limits)
        _must_be_kept_or_not(settings)
        must_be_a_language(settings.lang)
        if scheduled_start is not None:
            _must_be_a_start(scheduled_start, now, limits)
        created = Created(host=host, settings=settings, scheduled_start=scheduled_start, slot=slot, platform=platform)
        facts: list[Fact] = [created]
        if wanted := tidy(words):
            facts.append(WordsChanged(words=wanted))
        if scheduled_start is None:
            facts.append(Started(host=host, settings=settings))
        return facts

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

    def delete(self, actor: str | None, *, operator: bool = False) -> list[Fact]:
        """Show it to nobody any more: by its host before the start or after the end, by the platform at any time."""
        self._must_exist()
        by_host = actor is not None and actor == self.host.id
        if not by_host and not operator:
            raise Refusal("not_host", "Only the host can delete the Space.")
        if self.state == "scheduled":
            return [Canceled(reason="host" if by_host else "platform"), Deleted()]
        if self.state != "live":
            return [Deleted()]
        if not operator:
            raise Refusal("wrong_state", "The Space is live; end it first.")
        return [Ended(reason="platform"), Deleted()]

    def change_settings(self, actor: str | None, limits: Limits, **changes: Any) -> list[Fact]:
        """`changes` are fields of Settings, without a title that is shown already; whether it is recorded, captioned or
        ephemeral is chosen before the start."""
        self._must_be_host(actor)
        self._must_not_be_over()
        if self.state == "live" and not _BEFORE_THE_START.isdisjoint(changes):
            raise Refusal("wrong_state", "What is kept, and captions, are chosen before the Space starts.")
        _must_be_topics(changes.get("topics", ()), limits)
        if "lang" in changes:
            must_be_a_language(changes["lang"])
        if "title" in changes:
            changes["title_by"] = ""
        settings = msgspec.structs.replace(self.settings, **changes)
        _must_be_kept_or_not(settings)
        return [] if settings == self.settings else [SettingsChanged(settings=settings)]

    def change_words(
        self, actor: str | None, words: tuple[str, ...], shown: tuple[str, ...] | None = None
    ) -> list[Fact]:
        """What captions should be able to write: all of it anew. `shown` is the list so far; None: as it is stored."""
        self._must_be_hosting(actor)
        self._must_not_be_over()
        wanted = tidy(words)
        return [] if wanted == (self.words if shown is None else shown) else [WordsChanged(words=wanted)]

    def hand_over(self, actor: str | None, person_id: str, *, may_host: bool = True) -> list[Fact]:
        """The host leaves, and a co-host takes their place. `may_host`: whether the hosting policy lets them."""
        self._must_be_host(actor)
        self._must_be_live()
        if self.role_of(person_id) != "cohost":
            raise Refusal("not_allowed", "Only a co-host can take over; appoint one first.")
        if not may_host:
            raise Refusal("may_not_host", "This co-host may not host here; choose another, or end the Space.")
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

    def bar(
        self,
        person_id: str,
        because: Because,
        present: Callable[[str], bool] = lambda person_id: True,
        may_host: Callable[[str], bool] = lambda person_id: True,
    ) -> list[Fact]:
        """What follows from a block between somebody and the host, from a suspension, also of the host, or from an
        erasure. A Space goes to a co-host whose host was erased; `present` and `may_host` as for `pass_time`."""
        if person_id == self.host.id and because == "erased":
            return self._without_its_host(present, may_host)
        if person_id == self.host.id:
            if because != "suspended":
                return []
            if self.state == "live":
                return [Ended(reason="platform")]
            return [Canceled(reason="platform")] if self.state == "scheduled" else []
        if self.state not in ("live", "scheduled") or person_id in self.removed:
            return []
        seen = person_id in self.stage or person_id in self.requests or person_id in self.invitations
        return [Removed(person_id=person_id, because=because, listened=not seen)]

    def unbar(self, person_id: str, because: Because) -> list[Fact]:
        """What follows when the block or the suspension is lifted."""
        if self.removed.get(person_id) != because or because == "removed":
            return []
        return [Readmitted(person_id=person_id, listened=person_id in self.unseen)]

    def sign_out(
        self, person_id: str, at: datetime, present: Callable[[str], bool], may_host: Callable[[str], bool]
    ) -> list[Fact]:
        """What follows when everything of somebody was signed out: no place is kept for whoever took it before. Only a
        host without a co-host who could take over may come back, as after a lost connection. `present` and `may_host`
        as for `pass_time`."""
        if self.state != "live":
            return []
        request, member = self.requests.get(person_id), self.stage.get(person_id)
        if request is not None and request.requested_at <= at:
            return [RequestCanceled(person_id=person_id)]
        if member is None or member.joined_at > at:
            return []
        if member.role != "host":
            return [StageLeft(person_id=person_id, reason="left")]
        after = self._after_the_host(lambda other: other != person_id and present(other), may_host)
        return [after] if isinstance(after, HostChanged) else []

    # -- time --------------------------------------------------------------------------------------------------

    def pass_time(
        self,
        now: datetime,
        present: Callable[[str], bool] | None,
        limits: Limits,
        may_host: Callable[[str], bool] = lambda person_id: True,
    ) -> list[Fact]:
        """What comes of the time being `now`: invitations lapse; who is on stage or in the queue and not connected is
        missed, and loses their place when the grace is over. For who never was, it began when they came. A Space that
        nobody started is canceled.

        `present` tells who is connected, None where that is not known yet, so shortly after a restart: then nobody
        is missed, and nobody loses anything. `may_host` tells whom the hosting policy lets take over.
        """
        if self.state == "scheduled":
            given_up = self.given_up_at(limits)
            return [Canceled(reason="never_started")] if given_up is not None and given_up <= now else []
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
            elif request.lost_until is None and (request.here or self.settings.kind != "conversation"):
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
            elif (until := member.lost_until or member.joined_at + limits.grace) <= now:
                gone.append(member)
            elif member.lost_until is None and _missed_from(member, limits) <= now:
                facts.append(Lost(person_id=person_id, until=until))
        facts += [StageLeft(person_id=m.person.id, reason="lost") for m in gone if m.role != "host"]
        if any(member.role == "host" for member in gone):
            facts.append(self._after_the_host(present, may_host))
        return facts

    def stand_still(self, since: datetime, lasted: timedelta, limits: Limits) -> list[Fact]:
        """What comes of it that from `since` on, for so long, nobody could be heard of or order anything: what was to
        end after that ends as much later."""
        if self.state != "live":
            return []
        facts: list[Fact] = [
            Invited(person=one.person, expires_at=one.expires_at + lasted, invited_by=one.invited_by)
            for one in self.invitations.values()
            if one.expires_at > since
        ]
        facts += [
            RequestHeld(person_id=person_id, until=request.lost_until + lasted)
            for person_id, request in self.requests.items()
            if request.lost_until is not None and request.lost_until > since
        ]
        for person_id, member in self.stage.items():
            until = member.lost_until or (None if member.here else member.joined_at + limits.grace)
            if until is not None and until > since:
                facts.append(Lost(person_id=person_id, until=until + lasted))
        return facts

    def given_up_at(self, limits: Limits) -> datetime | None:
        """When a scheduled Space is canceled if nobody starts it; None where it is not scheduled."""
        if self.state != "scheduled" or self.scheduled_start is None:
            return None
        return self.scheduled_start + limits.unstarted

    def next_due(self, limits: Limits) -> datetime | None:
        """When `pass_time` has something to do though nobody comes or goes; None: never."""
        if self.state == "scheduled":
            return self.given_up_at(limits)
        if self.state != "live":
            return None
        due = [invitation.expires_at for invitation in self.invitations.values()]
        due += [
            member.lost_until or _missed_from(member, limits)
            for member in self.stage.values()
            if member.lost_until or not member.here
        ]
        due += [request.lost_until for request in self.requests.values() if request.lost_until]
        return min(due, default=None)

    def _without_its_host(self, present: Callable[[str], bool], may_host: Callable[[str], bool]) -> list[Fact]:
        """What becomes of it whose host is erased."""
        if self.state == "scheduled":
            return [Canceled(reason="erased")]
        if self.state != "live":
            return []
        host = self.host.id
        after = self._after_the_host(present, may_host)
        if isinstance(after, HostChanged):
            return [
                HostChanged(host=after.host, previous_id=host, reason="erased"),
                Removed(person_id=host, because="erased"),
            ]
        return [Ended(reason="erased")]

    def _after_the_host(self, present: Callable[[str], bool], may_host: Callable[[str], bool]) -> Fact:
        """The longest-serving co-host takes over; one that is lost, too, or may not host, does not."""
        heirs = [
            member
            for member in self.stage.values()
            if member.cohost_since is not None and present(member.person.id) and may_host(member.person.id)
        ]
        if not heirs:
            return Ended(reason="timed_out")
        heir = min(heirs, key=lambda member: (member.cohost_since is None, member.cohost_since))
        return HostChanged(host=heir.person, previous_id=self.host.id, reason="lost")


def _missed_from(member: Member, limits: Limits) -> datetime:
    """When it is told that somebody who was never connected is missing."""
    return member.joined_at + min(_CONNECTING, limits.grace)


def _must_be_a_start(start: datetime, now: datetime, limits: Limits) -> None:
    if start <= now:
        raise Refusal("invalid", "The start lies in the past; leave it out to start now.", field="scheduled_start")
    if start > now + limits.schedule_ahead:
        detail = f"A Space can be scheduled at most {limits.schedule_ahead.days} days ahead."
        raise Refusal("invalid", detail, field="scheduled_start")


def _must_be_kept_or_not(settings: Settings) -> None:
    if settings.recorded and settings.ephemeral:
        detail = "A Space is recorded, or it is ephemeral and nothing of it is kept; choose one."
        raise Refusal("invalid", detail, field="ephemeral")


def _must_be_topics(topics: tuple[str, ...], limits: Limits) -> None:
    unknown = [topic for topic in topics if limits.topics is not None and topic not in limits.topics]
    if unknown:
        raise Refusal("invalid", f"There is no topic {unknown[0]!r}; choose from the list.", field="topics")
