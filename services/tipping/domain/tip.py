"""One tip: offered, then opened by who gives it, then confirmed by who gets it. Never paid on the giver's word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.refusal import Refusal
from services.tipping.domain.jar import Jar
from services.tipping.domain.money import Money
from services.tipping.domain.providers import clean_note, link, provider_of


class State(StrEnum):
    """How far a tip is known to be."""

    OFFERED = "offered"
    OPENED = "opened"
    CONFIRMED = "confirmed"


class Whereabouts(StrEnum):
    """What is known of somebody in a Space."""

    UNKNOWN = "unknown"
    """There is no such Space, as far as we know."""
    NOT_LIVE = "not_live"
    LISTENING = "listening"
    """The Space is live, they are not on its stage."""
    ON_STAGE = "on_stage"


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody wants to give."""

    space: str
    payer: str
    recipient: str
    provider: str
    amount_minor: int | None
    currency: str | None
    note: str


@stored("tip.offered")
class Offered(Fact):
    """Somebody wants to tip and was given the link. Earlier versions also stored what the payer was called."""

    space: str
    payer: str
    recipient: str
    provider: str
    name: str
    """The recipient's name at the provider."""
    amount_minor: int | None = None
    currency: str | None = None
    note: str = ""


@stored("tip.opened")
class Opened(Fact):
    """The payer followed the link."""

    space: str
    payer: str
    recipient: str


@stored("tip.confirmed")
class Confirmed(Fact):
    """The recipient says that it arrived."""

    space: str
    payer: str
    recipient: str


class Tip(Aggregate):
    """Does not exist before `offer`."""

    state: State = State.OFFERED
    offered: Offered | None = None
    offered_at: datetime | None = None

    # -- deciding ----------------------------------------------------------------------------------------------

    def offer(self, offer: Offer, jar: Jar, there: Whereabouts) -> list[Fact]:
        """Offer a tip to somebody on the stage of a live Space, whose `jar` is open.

        Refuses: not_allowed (oneself), space_unknown, not_live, not_on_stage, tip_jar_closed, invalid.
        """
        if self.offered is not None:
            raise Refusal("wrong_state", "This tip was offered already.")
        if offer.payer == offer.recipient:
            raise Refusal("not_allowed", "You cannot tip yourself.")
        match there:
            case Whereabouts.UNKNOWN:
                raise Refusal("space_unknown", "There is no such Space.")
            case Whereabouts.NOT_LIVE:
                raise Refusal("not_live", "Tips are given while the Space is live.")
            case Whereabouts.LISTENING:
                raise Refusal("not_on_stage", "Tips go to people on stage; this person is not there.")
            case Whereabouts.ON_STAGE:
                pass
        name = jar.name_at(offer.provider)
        money = provider_of(offer.provider).money_of(offer.amount_minor, offer.currency)
        return [
            Offered(
                space=offer.space,
                payer=offer.payer,
                recipient=offer.recipient,
                provider=offer.provider,
                name=name,
                amount_minor=money.minor if money else None,
                currency=money.currency if money else None,
                note=clean_note(offer.note),
            )
        ]

    def open(self, by: str) -> list[Fact]:
        """The payer followed the link. Refuses: tip_unknown, not_yours."""
        offered = self._offered()
        if offered.payer != by:
            raise Refusal("not_yours", "Only who gives a tip opens it.")
        if self.state is not State.OFFERED:
            return []
        return [Opened(space=offered.space, payer=offered.payer, recipient=offered.recipient)]

    def confirm(self, by: str) -> list[Fact]:
        """The recipient says that it arrived. Refuses: tip_unknown, not_yours, wrong_state (nobody opened it)."""
        offered = self._offered()
        if offered.recipient != by:
            raise Refusal("not_yours", "Only who gets a tip can say that it arrived.")
        match self.state:
            case State.OFFERED:
                raise Refusal("wrong_state", "Nobody has followed the link of this tip yet.")
            case State.OPENED:
                return [Confirmed(space=offered.space, payer=offered.payer, recipient=offered.recipient)]
            case State.CONFIRMED:
                return []

    def _offered(self) -> Offered:
        if self.offered is None:
            raise Refusal("tip_unknown", "There is no such tip.")
        return self.offered

    # -- evolving ----------------------------------------------------------------------------------------------

    @property
    def link(self) -> str:
        """Where it is paid, from the name that was recorded. Refuses: tip_unknown."""
        offered = self._offered()
        money = None
        if offered.amount_minor is not None and offered.currency is not None:
            money = Money(offered.amount_minor, offered.currency)
        return link(offered.provider, offered.name, money, offered.note)

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case Offered():
                self.offered, self.offered_at = fact, meta.at
            case Opened():
                self.state = State.OPENED
            case Confirmed():
                self.state = State.CONFIRMED
            case _:
                pass
