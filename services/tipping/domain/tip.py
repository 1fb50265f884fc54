"""One tip: offered, then opened by who gives it, then confirmed by who gets it. Never paid on the giver's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal
from services.tipping.domain.jar import Jar
from services.tipping.domain.money import Money
from services.tipping.domain.providers import clean_note, link, provider_of


class TipState(StrEnum):
    """How far a tip is known to be."""

    OFFERED = "offered"
    OPENED = "opened"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    """One of the two was erased before it was confirmed."""


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
    name: Words
    """The recipient's name at the provider."""
    amount_minor: int | None = None
    currency: str | None = None
    note: Words = ""


@stored("tip.opened")
class LinkFollowed(Fact):
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


@stored("tip.withdrawn")
class Withdrawn(Fact):
    """One of the two is erased."""


PREFIX: Final = "tip-"
"""What the ids of tips begin with, as they are stored."""


class Tip(Aggregate):
    """Does not exist before `offer`."""

    state: TipState = TipState.OFFERED
    offered: Offered | None = None
    offered_at: datetime | None = None

    @property
    def owner(self) -> str:
        """Its id as others know it."""
        return self.id.removeprefix(PREFIX)

    # -- deciding ----------------------------------------------------------------------------------------------

    def offer(self, offer: Offer, jar: Jar, there: Whereabouts, names: Mapping[str, str] | None = None) -> list[Fact]:
        """Offer a tip to somebody on the stage of a live Space, whose `jar` is open, with these names in it; None: as
        they are stored.

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
        name = jar.name_at(offer.provider, names)
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
        self._must_be_on_its_way()
        if self.state is not TipState.OFFERED:
            return []
        return [LinkFollowed(space=offered.space, payer=offered.payer, recipient=offered.recipient)]

    def confirm(self, by: str) -> list[Fact]:
        """The recipient says that it arrived. Refuses: tip_unknown, not_yours, wrong_state (nobody opened it)."""
        offered = self._offered()
        if offered.recipient != by:
            raise Refusal("not_yours", "Only who gets a tip can say that it arrived.")
        self._must_be_on_its_way()
        match self.state:
            case TipState.OFFERED:
                raise Refusal("wrong_state", "Nobody has followed the link of this tip yet.")
            case TipState.OPENED:
                return [Confirmed(space=offered.space, payer=offered.payer, recipient=offered.recipient)]
            case _:
                return []

    def withdraw(self) -> list[Fact]:
        """One of the two is erased: nothing comes of it any more. Again changes nothing, nor where it has arrived."""
        self._offered()
        return [] if self.state in (TipState.CONFIRMED, TipState.WITHDRAWN) else [Withdrawn()]

    def _must_be_on_its_way(self) -> None:
        if self.state is TipState.WITHDRAWN:
            raise Refusal("wrong_state", "This tip is withdrawn, since one of the accounts was deleted.")

    def _offered(self) -> Offered:
        if self.offered is None:
            raise Refusal("tip_unknown", "There is no such tip.")
        return self.offered

    # -- evolving ----------------------------------------------------------------------------------------------

    def link(self, name: str, note: str) -> str:
        """Where it is paid, from the name that was recorded; empty where that was erased, or where it is withdrawn.
        Refuses: tip_unknown."""
        offered = self._offered()
        if not name or self.state is TipState.WITHDRAWN:
            return ""
        money = None
        if offered.amount_minor is not None and offered.currency is not None:
            money = Money(offered.amount_minor, offered.currency)
        return link(offered.provider, name, money, note)

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case Offered():
                self.offered, self.offered_at = fact, meta.at
            case LinkFollowed():
                self.state = TipState.OPENED
            case Confirmed():
                self.state = TipState.CONFIRMED
            case Withdrawn():
                self.state = TipState.WITHDRAWN
            case _:
                pass
