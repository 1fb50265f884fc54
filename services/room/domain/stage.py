"""Decisions about people on stage and on their way to it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from libs.eventstore import Fact
from libs.links import tidy_link
from libs.refusal import Refusal
from services.room.domain.facts import (
    CohostAppointed,
    CohostDismissed,
    HandLowered,
    HandRaised,
    InvitationClosed,
    Invited,
    LanguageChosen,
    Muted,
    Pinned,
    RequestCanceled,
    RequestDeclined,
    SpeakRequested,
    StageJoined,
    StageLeft,
    Uninvited,
    Unmuted,
    Unpinned,
)
from services.room.domain.languages import must_be_a_language
from services.room.domain.limits import Limits
from services.room.domain.values import HOSTING, Invitation, InvitedTo, LetInBy, Person, Request
from services.room.domain.who_may_join import Door

_AUTO: Final = "auto"
_UNDETERMINED: Final = "und"
"""How BCP 47 calls a language that is not known."""


class Stage(Door):
    """Methods named as orders decide and return facts, none where nothing changes; they raise Refusal."""

    # -- asking ------------------------------------------------------------------------------------------------

    def request_to_speak(
        self,
        person: Person,
        message: str,
        *,
        consent_to_recording: bool,
        followed_by_host: bool,
        limits: Limits,
        follows_host: bool = False,
        here: bool = True,
        inside: bool = False,
        now: datetime | None = None,
    ) -> list[Fact]:
        """Onto the stage where the rule of who can speak, or an invitation, allows it; else into the queue.

        `here` tells whether they have a live session; `inside`, whether that has let them in.
        """
        self._must_be_live()
        self._must_not_be_removed(person.id)
        if person.id in self.stage:
            raise Refusal("already_on_stage", "You are on stage already.")
        if person.id in self.requests:
            raise Refusal("already_requested", "You are in the queue already.")
        if not inside:
            self._must_be_let_in(person.id, follows_host=follows_host)
        self._must_be_here(here)
        rule = self.settings.who_can_speak
        invitation = self.invitations.get(person.id)
        if invitation is not None and now is not None and now < invitation.expires_at:
            self._must_have_room(limits)
            return [self._joins(person, consent_to_recording, "invited")]
        if rule == "everyone" or (rule == "followed" and followed_by_host):
            self._must_have_room(limits)
            return [self._joins(person, consent_to_recording, rule)]
        if len(message) > limits.message:
            raise Refusal("invalid", f"Write at most {limits.message} characters to your request.", field="message")
        if len(self.requests) >= limits.queue:
            raise Refusal("queue_full", "Too many people wait to speak already; try again in a while.", retry=True)
        return [SpeakRequested(person=person, message=message, consent_to_recording=consent_to_recording, here=here)]

    def cancel_request(self, actor: str | None) -> list[Fact]:
        self._must_exist()
        return [RequestCanceled(person_id=self._request(actor).person.id)]

    def leave_queue(self, person_id: str) -> list[Fact]:
        """What follows when somebody leaves the Space on purpose."""
        return [RequestCanceled(person_id=person_id)] if person_id in self.requests else []

    def accept_request(self, actor: str | None, person_id: str, *, limits: Limits) -> list[Fact]:
        self._must_be_hosting(actor)
        self._must_be_live()
        request = self._request(person_id)
        self._must_have_room(limits)
        return [self._joins(request.person, request.consent_to_recording, "accepted")]

    def decline_request(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_be_hosting(actor)
        return [RequestDeclined(person_id=self._request(person_id).person.id)]

    # -- being asked -------------------------------------------------------------------------------------------

    def invite(
        self,
        actor: str | None,
        person: Person,
        to: InvitedTo,
        *,
        now: datetime,
        limits: Limits,
        barred: bool = False,
    ) -> list[Fact]:
        """`barred`: a block between them and the host, or a suspension, stands in the way."""
        self._must_be_hosting(actor)
        if to == "join":
            self._must_not_be_over()
        else:
            self._must_be_live()
        if barred or person.id in self.removed:
            raise Refusal("not_allowed", "This person cannot come into this Space.")
        if person.id in self.stage:
            raise Refusal("already_on_stage", "This person is on stage already.")
        if to == "join":
            return [] if person.id in self.invited else [Invited(person=person, to="join")]
        if person.id in self.requests:
            return self.accept_request(actor, person.id, limits=limits)
        invitation = self.invitations.get(person.id)
        if invitation is not None and now < invitation.expires_at:
            return []
        if len(self.invitations) >= limits.invitations and invitation is None:
            most = limits.invitations
            raise Refusal(
                "too_many_invitations", f"{most} people have not answered yet; take an invitation back first."
            )
        return [Invited(person=person, expires_at=now + limits.invitation)]

    def accept_invitation(
        self, actor: str | None, *, consent_to_recording: bool, now: datetime, limits: Limits, here: bool = True
    ) -> list[Fact]:
        """`here` tells whether they have a live session."""
        self._must_be_live()
        person = self._invitation(actor, now).person
        self._must_be_here(here)
        self._must_have_room(limits)
        return [self._joins(person, consent_to_recording, "invited")]

    def decline_invitation(self, actor: str | None) -> list[Fact]:
        self._must_exist()
        return [InvitationClosed(person_id=self._invitation(actor).person.id, reason="declined")]

    def withdraw_invitation(self, actor: str | None, person_id: str, to: InvitedTo = "speak") -> list[Fact]:
        """Whoever is there already stays: a host can remove them."""
        self._must_be_hosting(actor)
        if to == "join":
            self._must_not_be_over()
            if person_id not in self.invited:
                raise Refusal("invitation_unknown", "This person is not invited.")
            return [Uninvited(person_id=person_id)]
        return [InvitationClosed(person_id=self._invitation(person_id).person.id, reason="withdrawn")]

    # -- microphones and hands ---------------------------------------------------------------------------------

    def mute(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_exist()
        if actor != person_id:
            self._must_be_hosting(actor)
        self._must_be_live()
        return [] if self._member(person_id).muted else [Muted(person_id=person_id)]

    def mute_all(self, actor: str | None) -> list[Fact]:
        """Everybody but who says so."""
        self._must_be_hosting(actor)
        self._must_be_live()
        return [Muted(person_id=p) for p, member in self.stage.items() if not member.muted and p != actor]

    def unmute(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_be_live()
        if actor != person_id:
            raise Refusal("only_self", "Only the person can open their own microphone.")
        return [Unmuted(person_id=person_id)] if self._member(person_id).muted else []

    def raise_hand(self, actor: str | None) -> list[Fact]:
        self._must_be_live()
        member = self._member(actor)
        return [] if member.hand_raised else [HandRaised(person_id=member.person.id)]

    def lower_hand(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_exist()
        if actor != person_id:
            self._must_be_hosting(actor)
        self._must_be_live()
        return [HandLowered(person_id=person_id)] if self._member(person_id).hand_raised else []

    def choose_language(self, actor: str | None, lang: str | None) -> list[Fact]:
        """`auto` and `und` have it found out; None is the language of the Space."""
        self._must_be_live()
        member = self._member(actor)
        chosen = _UNDETERMINED if lang == _AUTO else lang
        if chosen is not None:
            must_be_a_language(chosen)
        return [] if chosen == member.lang else [LanguageChosen(person_id=member.person.id, lang=chosen)]

    # -- places ------------------------------------------------------------------------------------------------

    def leave_stage(self, actor: str | None, person_id: str) -> list[Fact]:
        self._must_exist()
        if actor != person_id:
            self._must_be_hosting(actor)
        self._must_be_live()
        member = self._member(person_id)
        if member.role == "host":
            raise Refusal("not_allowed", "The host cannot leave the stage; hand over to a co-host, or end the Space.")
        if actor == person_id:
            return [StageLeft(person_id=person_id, reason="stepped_down")]
        self._must_outrank(actor, person_id)
        return [StageLeft(person_id=person_id, reason="moved")]

    def appoint_cohost(self, actor: str | None, person_id: str, *, limits: Limits) -> list[Fact]:
        self._must_be_host(actor)
        self._must_be_live()
        member = self._member(person_id)
        if member.role == "host":
            raise Refusal("not_allowed", "The host needs no appointment.")
        if member.role == "cohost":
            return []
        if sum(m.role == "cohost" for m in self.stage.values()) >= limits.cohosts:
            raise Refusal("too_many_cohosts", f"A Space has at most {limits.cohosts} co-hosts; dismiss one first.")
        return [CohostAppointed(person_id=person_id)]

    def dismiss_cohost(self, actor: str | None, person_id: str, *, limits: Limits) -> list[Fact]:
        """To the speakers, or to the listeners where all places of speakers are taken."""
        self._must_be_host(actor)
        self._must_be_live()
        if self._member(person_id).role != "cohost":
            return []
        if sum(m.role == "speaker" for m in self.stage.values()) >= limits.speakers:
            return [StageLeft(person_id=person_id, reason="moved")]
        return [CohostDismissed(person_id=person_id)]

    # -- pins --------------------------------------------------------------------------------------------------

    def pin(
        self,
        actor: str | None,
        pin_id: str,
        url: str,
        text: str,
        *,
        limits: Limits,
        links: Collection[object] | None = None,
    ) -> list[Fact]:
        """`links` are the addresses that are shown as pinned; None: as they are stored."""
        self._must_be_live()
        person = self._member(actor).person
        if pin_id in self.pins:
            return []
        shown: Collection[object] = [pin.url for pin in self.pins.values()] if links is None else links
        if len(shown) >= limits.pins:
            raise Refusal("too_many_pins", f"At most {limits.pins} links can be pinned; take one away first.")
        link = tidy_link(url)
        if link in shown:
            raise Refusal("already_pinned", "This link is pinned already.", field="url")
        return [Pinned(pin_id=pin_id, url=link, text=text, person=person)]

    def unpin(self, actor: str | None, pin_id: str) -> list[Fact]:
        self._must_be_live()
        pin = self.pins.get(pin_id)
        if pin is None:
            raise Refusal("pin_unknown", "There is no such pin.")
        own = actor == pin.person.id and actor in self.stage
        if not own and self.role_of(actor) not in HOSTING:
            raise Refusal("not_host", "Only a host, or who pinned it, can take it away.")
        return [Unpinned(pin_id=pin_id)]

    def _joins(self, person: Person, consent_to_recording: bool, because: LetInBy) -> StageJoined:
        return StageJoined(
            person=person,
            consent_to_recording=consent_to_recording,
            because=because,
            lang=self.languages.get(person.id),
        )

    # -- conditions --------------------------------------------------------------------------------------------

    def _must_have_room(self, limits: Limits) -> None:
        most = limits.conversation if self.settings.kind == "conversation" else limits.stage
        speakers = sum(member.role == "speaker" for member in self.stage.values())
        if len(self.stage) >= most or speakers >= limits.speakers:
            raise Refusal("stage_full", "The stage is full; try again when somebody has left it.")

    def _request(self, person_id: str | None) -> Request:
        request = self.requests.get(person_id or "")
        if request is None:
            raise Refusal("request_unknown", "There is no such request to speak.")
        return request

    def _invitation(self, person_id: str | None, now: datetime | None = None) -> Invitation:
        invitation = self.invitations.get(person_id or "")
        if invitation is None:
            raise Refusal("invitation_unknown", "There is no such invitation.")
        if now is not None and invitation.expires_at <= now:
            raise Refusal("invitation_unknown", "The invitation has lapsed; ask to speak.")
        return invitation
