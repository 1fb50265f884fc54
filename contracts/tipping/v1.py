"""Tipping: tip jars and tips. No money passes through; links come from fixed templates."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts import personal_data
from contracts.commands import Command, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SpaceId, event
from contracts.growing import Growing
from contracts.sealed import WordField
from contracts.times import Moment
from contracts.written import Written

TipId = PersonId
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 code."""


ProviderId = Annotated[str, StringConstraints(min_length=1, max_length=40)]
"""Where a tip is paid; `providers` tells which there are."""


class Provider(Model):
    """Where a tip is paid: what a client needs to ask for a name there, and for an amount."""

    id: ProviderId
    label: str
    """What people call it."""
    name_hint: str
    """What a name there consists of, in words."""
    name_example: str = ""
    name_pattern: str
    """The same as a regular expression that the whole of a name matches (ECMAScript)."""
    takes_amount: bool
    """Whether its link can carry an amount."""
    currency: Currency | None = None
    """The only currency it takes; None where it takes any."""


class TipState(Growing):
    """How far a tip is known to be. Never `paid` on the payer's word."""

    OFFERED = "offered"
    OPENED = "opened"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    """One of the two was erased before it was confirmed."""


class TipJar(Model):
    """A person's names at the providers; public once enabled."""

    person_id: PersonId
    enabled: bool = False
    names: dict[ProviderId, str] = Field(default_factory=dict)
    version: int = 0


class Tip(Model):
    """One tip. Amounts are integers in the currency's minor unit; None where the provider takes no amount."""

    id: TipId
    space_id: SpaceId
    payer: PersonId
    recipient: PersonId
    provider: ProviderId
    amount_minor: int | None = Field(default=None, ge=1, le=100_000_000)
    currency: Currency | None = None
    note: str = ""
    state: TipState
    link: str
    """Empty where it is withdrawn, or where the recipient's name was erased."""
    offered_at: Moment
    version: int = 0


class TippingEvent(Event):
    """Belongs to a person: the owner of the jar, or the recipient of the tip."""

    person_id: PersonId
    version: int = Field(ge=1)

    @property
    def key(self) -> str:
        return self.person_id


@event("tipping", "jar_changed", Audience.PERSON, Audience.OPERATORS, concerns=("person_id",))
class JarChanged(TippingEvent):
    """A person filled, changed or closed their tip jar."""

    enabled: bool
    providers: tuple[ProviderId, ...]


@event(
    "tipping", "tip_offered", Audience.PERSON, Audience.OPERATORS, concerns=("person_id", "payer"),
    words=(WordField("note"),),
)  # fmt: skip
class TipOffered(TippingEvent):
    """Somebody wants to tip; they were given the link."""

    tip_id: TipId
    space_id: SpaceId
    payer: PersonRef
    provider: ProviderId
    amount_minor: int | None = None
    currency: Currency | None = None
    note: str = ""


@event("tipping", "tip_opened", Audience.PERSON, Audience.OPERATORS, concerns=("person_id", "payer"))
class TipOpened(TippingEvent):
    """The payer followed the link."""

    tip_id: TipId
    space_id: SpaceId
    payer: PersonId


@event("tipping", "tip_confirmed", Audience.PERSON, Audience.OPERATORS, concerns=("person_id", "payer"))
class TipConfirmed(TippingEvent):
    """The recipient says that it arrived."""

    tip_id: TipId
    space_id: SpaceId
    payer: PersonId


@register
class FillJar(Command[TipJar]):
    """Replaces the actor's tip jar; where `names` is empty, opens or closes it with the names it has. One leading @ or
    $ or a pasted link prefix is stripped from a name.

    Refuses: invalid (a name that is none at its provider), not_allowed (names not acknowledged as public).
    """

    service = "tipping"
    name = "fill_jar"
    result = TipJar
    enabled: bool
    names: dict[ProviderId, Annotated[str, StringConstraints(max_length=200)]]
    public_names_acknowledged: bool = False


@register
class OfferTip(Command[Tip]):
    """The actor tips a host or speaker of a live Space; `tip_id` is chosen by the gateway.

    Refuses: tip_jar_closed, invalid, not_live, not_on_stage (the recipient is not), not_allowed (oneself).
    """

    service = "tipping"
    name = "offer_tip"
    result = Tip
    tip_id: TipId
    space_id: SpaceId
    recipient: PersonId
    provider: ProviderId
    amount_minor: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    currency: Currency | None = None
    note: Annotated[str, Written(0, 140)] = ""


@register
class OpenTip(Command[Tip]):
    """The payer followed the link; again is accepted. Refuses: tip_unknown, not_yours."""

    service = "tipping"
    name = "open_tip"
    result = Tip
    tip_id: TipId


@register
class ConfirmTip(Command[Tip]):
    """The recipient says it arrived; again is accepted. Refuses: tip_unknown, not_yours, wrong_state."""

    service = "tipping"
    name = "confirm_tip"
    result = Tip
    tip_id: TipId


@register
class JarQuery(Query[TipJar]):
    """A person's tip jar; names only where it is enabled, or for its owner."""

    service = "tipping"
    name = "jar"
    result = TipJar
    person_id: PersonId


class Providers(Model):
    """Every provider, in the order in which they are shown."""

    providers: tuple[Provider, ...]


@register
class ProvidersQuery(Query[Providers]):
    """Where tips can be paid."""

    service = "tipping"
    name = "providers"
    result = Providers


class Tips(Model):
    """Tips of a Space, oldest first."""

    tips: tuple[Tip, ...]


@register
class TipsQuery(Query[Tips]):
    """The tips of a Space that the actor gave or was offered."""

    service = "tipping"
    name = "tips"
    result = Tips
    space_id: SpaceId


@register
class HeldQuery(personal_data.HeldQuery):
    """What tipping holds of a person: their jar, and the tips they gave or were offered. See
    `contracts.personal_data`."""

    service = "tipping"
