"""A Space as its facts have made it, what everybody may ask of it, and the conditions that decisions share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from msgspec import field
from msgspec.structs import replace

from libs.eventstore import Aggregate, Fact, Meta
from libs.keyring import Sealed, Words
from libs.refusal import Refusal
from services.room.domain.facts import (
    Arrived,
    Canceled,
    CohostAppointed,
    CohostDismissed,
    Created,
    Deleted,
    Ended,
    HandLowered,
    HandRaised,
    HostChanged,
    InvitationClosed,
    Invited,
    LanguageChosen,
    Lost,
    Muted,
    Pinned,
    Readmitted,
    Removed,
    RequestCanceled,
    RequestDeclined,
    RequestHeld,
    Rescheduled,
    SettingsChanged,
    SpeakRequested,
    StageJoined,
    StageLeft,
    Started,
    Uninvited,
    Unmuted,
    Unpinned,
    WordsChanged,
)
from services.room.domain.values import (
    HOSTING,
    Because,
    Invitation,
    Member,
    Person,
    Pin,
    Request,
    Role,
    Settings,
    State,
)

_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)
_OUT: Final[dict[Because, str]] = {
    "removed": "You were removed from this Space.",
    "blocked": "You cannot join this Space.",
    "suspended": "Your account is suspended.",
    "erased": "This account was deleted.",
}


class SpaceState(Aggregate):
    """What a Space is after its facts."""

    state: State = "scheduled"
    host: Person = Person("")
    settings: Settings = Settings(title="")
    created_at: datetime = _NEVER
    scheduled_start: datetime | None = None
    slot: int | None = None
    platform: str = "web"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stage: dict[str, Member] = field(default_factory=dict)
    """By person, in the order they came."""
    stood: dict[str, None] = field(default_factory=dict)
    """Insertion-ordered set of everybody who was ever on stage; they may look back at what they were part of."""
    requests: dict[str, Request] = field(default_factory=dict)
    """By person, in the order of time."""
    invitations: dict[str, Invitation] = field(default_factory=dict)
    """To speak, not answered yet; by person."""
    invited: dict[str, None] = field(default_factory=dict)
    """Insertion-ordered set of everybody who was ever invited, but those whose invitation was taken back."""
    pins: dict[str, Pin] = field(default_factory=dict)
    words: tuple[str, ...] | Sealed = ()
    """What captions should be able to write."""
    words_by: str = ""
    """Who wrote that."""
    languages: dict[str, str] = field(default_factory=dict)
    """By person who ever chose one on stage: what they speak here."""
    removed: dict[str, Because] = field(default_factory=dict)
    """Who is out, and why; in the order of time."""
    unseen: dict[str, None] = field(default_factory=dict)
    """Those of them of whom nobody else knows, since they only listened."""
    worded: int = 0
    """Version of the newest fact with words that it shows."""

    # -- what others must know of it ---------------------------------------------------------------------------

    def role_of(self, person_id: str | None) -> Role:
        """What somebody is in it; the host is host before the start too."""
        if person_id is None:
            return "listener"
        if person_id == self.host.id:
            return "host"
        member = self.stage.get(person_id)
        return member.role if member else "listener"

    def welcome(self, person_id: str | None, *, blocked: bool, suspended: bool) -> None:
        """Whether somebody may give any order here. Raises Refusal: space_unknown, suspended, removed, blocked."""
        self._must_exist()
        if suspended:
            raise Refusal("suspended", _OUT["suspended"])
        self._must_not_be_removed(person_id)
        if blocked:
            raise Refusal("blocked", _OUT["blocked"])

    @property
    def title_by(self) -> str:
        """Who wrote the title."""
        return self.settings.title_by or self.host.id

    def written(self) -> Iterator[tuple[str, Words]]:
        """All words that it shows, each with who wrote them."""
        yield self.title_by, self.settings.title
        if isinstance(self.words, Sealed):
            yield self.words_by, self.words
        for pin in self.pins.values():
            yield pin.person.id, pin.url
            yield pin.person.id, pin.text
        for request in self.requests.values():
            yield request.person.id, request.message

    # -- conditions --------------------------------------------------------------------------------------------

    def _must_exist(self) -> None:
        if not self.version:
            raise Refusal("space_unknown", "There is no such Space.")
        if self.state == "deleted":
            raise Refusal("space_deleted", "This Space was deleted.")

    def _must_be_live(self) -> None:
        self._must_exist()
        if self.state == "scheduled":
            raise Refusal("not_live", "The Space has not started yet.")
        if self.state != "live":
            raise Refusal("not_live", "The Space is over.")

    def _must_be_scheduled(self) -> None:
        if self.state != "scheduled":
            raise Refusal("not_scheduled", "The Space has started, or was canceled, already.")

    def _must_not_be_over(self) -> None:
        self._must_exist()
        if self.state not in ("scheduled", "live"):
            raise Refusal("wrong_state", "The Space is over.")

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
        because = self.removed.get(person_id or "")
        if because is not None:
            raise Refusal(because, _OUT[because])

    def _must_be_here(self, here: bool) -> None:
        # A conversation has no listeners, so nobody can be there before they are on its stage.
        if not here and self.settings.kind != "conversation":
            raise Refusal("not_in_space", "Join the Space first: open a session, or listen.")

    def _member(self, person_id: str | None) -> Member:
        member = self.stage.get(person_id or "")
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
                member = self.stage[fact.person_id]
                member.muted = member.hand_raised = False
            case Arrived():
                member = self.stage[fact.person_id]
                member.here, member.lost_until = True, None
            case Lost():
                self.stage[fact.person_id].lost_until = fact.until
            case HandRaised():
                self.stage[fact.person_id].hand_raised = True
            case HandLowered():
                self.stage[fact.person_id].hand_raised = False
            case SpeakRequested():
                self.requests[fact.person.id] = Request(
                    fact.person, fact.message, fact.consent_to_recording, meta.at, fact.here
                )
                self.worded = self.version
            case RequestHeld():
                self.requests[fact.person_id].lost_until = fact.until
            case RequestCanceled() | RequestDeclined():
                self.requests.pop(fact.person_id, None)
            case Invited():
                self.invited[fact.person.id] = None
                if fact.expires_at is not None:
                    self.invitations.pop(fact.person.id, None)
                    self.invitations[fact.person.id] = Invitation(
                        fact.person, fact.invited_by or meta.actor, fact.expires_at
                    )
            case InvitationClosed():
                self.invitations.pop(fact.person_id, None)
            case Uninvited():
                self.invitations.pop(fact.person_id, None)
                self.invited.pop(fact.person_id, None)
            case StageJoined():
                request = self.requests.pop(fact.person.id, None)
                self.invitations.pop(fact.person.id, None)
                self.stage.pop(fact.person.id, None)
                self.stood[fact.person.id] = None
                self.stage[fact.person.id] = Member(
                    fact.person,
                    fact.role,
                    fact.consent_to_recording,
                    meta.at,
                    cohost_since=meta.at if fact.role == "cohost" else None,
                    here=request is not None and request.here,
                    lang=fact.lang,
                )
            case StageLeft():
                self.stage.pop(fact.person_id, None)
            case Pinned():
                self.pins[fact.pin_id] = Pin(fact.pin_id, fact.url, fact.text, fact.person, meta.at)
                self.worded = self.version
            case Unpinned():
                self.pins.pop(fact.pin_id, None)
            case _:
                self._apply_rarely(fact, meta)

    def _apply_rarely(self, fact: Fact, meta: Meta) -> None:
        match fact:
            case Removed():
                for place in (self.stage, self.requests, self.invitations):
                    place.pop(fact.person_id, None)
                self.removed[fact.person_id] = fact.because
                self.unseen.pop(fact.person_id, None)
                if fact.listened:
                    self.unseen[fact.person_id] = None
            case Readmitted():
                self.removed.pop(fact.person_id, None)
                self.unseen.pop(fact.person_id, None)
            case CohostAppointed():
                member = self.stage[fact.person_id]
                member.role, member.cohost_since = "cohost", meta.at
            case CohostDismissed():
                member = self.stage[fact.person_id]
                member.role, member.cohost_since = "speaker", None
            case HostChanged():
                self.stage.pop(fact.previous_id, None)
                member = self.stage[fact.host.id]
                member.role, member.cohost_since = "host", None
                self.host = fact.host
            case SettingsChanged():
                self.settings, self.worded = fact.settings, self.version
            case WordsChanged():
                self.words, self.words_by, self.worded = fact.words, meta.actor or "", self.version
            case LanguageChosen():
                self.stage[fact.person_id].lang = fact.lang
                if fact.lang is None:
                    self.languages.pop(fact.person_id, None)
                else:
                    self.languages[fact.person_id] = fact.lang
            case Rescheduled():
                self.scheduled_start = fact.scheduled_start
            case Created():
                self.host, self.settings, self.slot = fact.host, fact.settings, fact.slot
                self.platform, self.worded = fact.platform, self.version
                self.created_at, self.scheduled_start = meta.at, fact.scheduled_start
            case Started():
                self.state, self.started_at = "live", meta.at
                self.host, self.settings, self.worded = fact.host, fact.settings, self.version
                self.stage = {self.host.id: Member(self.host, "host", True, meta.at)}
                self.stood[self.host.id] = None
            case Ended():
                self.state = "timed_out" if fact.reason == "timed_out" else "ended"
                self.ended_at = meta.at
                self.stage.clear()
                self.requests.clear()
                self.invitations.clear()
                self._forget_if_ephemeral()
            case Canceled():
                self.state, self.ended_at = "canceled", meta.at
                self._forget_if_ephemeral()
            case Deleted():
                self.state = "deleted"
                self.forget()
            case _:
                raise TypeError(f"{type(fact).__name__} is no fact of a Space")

    def _forget_if_ephemeral(self) -> None:
        if self.settings.ephemeral:
            self.forget()

    def forget(self) -> None:
        """Show nothing any more of what people wrote and did, at once and not only when its keys are destroyed."""
        self.settings = replace(self.settings, title="", title_by="", topics=())
        self.words, self.words_by, self.worded = (), "", self.version
        for people in (self.pins, self.stood, self.invited, self.languages, self.removed, self.unseen):
            people.clear()
