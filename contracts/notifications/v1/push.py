"""Web push: browsers in which somebody wants to be told what is due."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, event
from contracts.growing import Growing
from contracts.people.v1 import TokenId
from contracts.times import Moment

SubscriptionId = Annotated[str, StringConstraints(pattern=r"^[0-9a-v]{26}$")]
"""Made of the address that the browser gave, so that a browser is one subscription."""
PushAddress = Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[\x21-\x7e]+$")]
"""The address at which a browser's push service takes messages for it."""
PushKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{86,88}={0,2}$")]
"""`p256dh`: the browser's public key, 65 bytes in URL-safe Base64."""
PushSecret = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{21,24}={0,2}$")]
"""`auth`: 16 bytes in URL-safe Base64."""


class PushReason(Growing):
    """Why a subscription is over."""

    ASKED = "asked"
    GONE = "gone"
    """The push service says that there is none."""
    REPLACED = "replaced"
    """The browser is somebody else's now, or the person has too many."""
    SIGNED_OUT = "signed_out"
    """The tokens of the person were taken back, or the one with which they subscribed."""
    ERASED = "erased"


class PushEvent(Event):
    """Belongs to a person."""

    person_id: PersonId
    version: int
    subscription_id: SubscriptionId

    @property
    def key(self) -> str:
        return self.person_id


@event("notifications", "push_subscribed", Audience.OPERATORS)
class PushSubscribed(PushEvent):
    """Somebody wants to be told in a browser. Told again, the last one holds."""

    reminders: bool
    live: bool


@event("notifications", "push_unsubscribed", Audience.OPERATORS)
class PushUnsubscribed(PushEvent):
    """They do not any more, or cannot be."""

    reason: PushReason


class Subscription(Model):
    """A browser that is told."""

    id: SubscriptionId
    service: str
    """The host of its push service."""
    reminders: bool = True
    """When a Space is due of which the person wants to be reminded."""
    live: bool = False
    """When somebody whom the person follows is live."""
    created_at: Moment


class Subscriptions(Model):
    """A person's browsers, oldest first, and what another one needs to subscribe."""

    key: str
    """`applicationServerKey` (RFC 8292): 65 bytes in URL-safe Base64 without padding."""
    subscriptions: tuple[Subscription, ...] = ()


@register
class SubscriptionsQuery(Query[Subscriptions]):
    """The actor's own. Refuses: unauthenticated, unavailable."""

    service = "notifications"
    name = "subscriptions"
    result = Subscriptions


@register
class Subscribe(Command[Subscription]):
    """Tell the actor in this browser; again changes what it is told of. Whoever used the browser before is not told in
    it any more.

    Refuses: unauthenticated, person_unknown, suspended, invalid (an address that is not of a push service that is
    allowed, or keys that are none), unavailable.
    """

    service = "notifications"
    name = "subscribe"
    result = Subscription
    address: PushAddress
    p256dh: PushKey
    auth: PushSecret
    reminders: bool = True
    live: bool = False
    sign_in: TokenId | None = None
    """With which token, or by which signing in, they ask: the browser is told nothing once that is taken back."""


@register
class Unsubscribe(Command[Nothing]):
    """Tell the actor no longer in one browser, or in any; accepted also where they were not. Refuses:
    unauthenticated."""

    service = "notifications"
    name = "unsubscribe"
    result = Nothing
    subscription_id: SubscriptionId | None = None
