"""Web push: the key that signs messages to browsers, and the browsers in which somebody is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words

MOST: Final = 10
"""Browsers of one person. The one that was added first gives way."""


@stored("notifications.push_key_made")
class PushKeyMade(Fact):
    """The key that signs from now on, for ever: browsers take no other one for the subscriptions they gave."""

    public: str
    """URL-safe Base64."""
    private: Words


@stored("notifications.push_subscribed")
class PushSubscribed(Fact):
    """Somebody is told in a browser from now on, of these things."""

    subscription: str
    service: str
    """The host of its push service."""
    keys: Words
    """Address and keys of the browser, as JSON."""
    reminders: bool
    live: bool
    sign_in: str = ""
    """The token or the signing in with which they asked; empty where that is not known."""


@stored("notifications.push_unsubscribed")
class PushUnsubscribed(Fact):
    """They are not any more."""

    subscription: str
    reason: str


@dataclass(slots=True)
class Subscription:
    """One browser."""

    id: str
    service: str
    keys: Words
    reminders: bool
    live: bool
    created_at: datetime
    sign_in: str = ""


class PushKey(Aggregate):
    """The one of its kind."""

    public: str = ""
    private: Words = ""

    def make(self, public: str, private: Words) -> list[Fact]:
        """Have a key, if there is none."""
        return [] if self.public else [PushKeyMade(public=public, private=private)]

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        if isinstance(fact, PushKeyMade):
            self.public, self.private = fact.public, fact.private


class Subscriptions(Aggregate):
    """The browsers of one person."""

    browsers: dict[str, Subscription] = msgspec.field(default_factory=dict)
    """Oldest first."""

    # -- deciding ----------------------------------------------------------------------------------------------

    def subscribe(
        self, subscription: str, service: str, keys: Words, *, reminders: bool, live: bool, sign_in: str = ""
    ) -> list[Fact]:
        """Tell somebody in a browser; again changes what they are told of."""
        facts: list[Fact] = []
        if subscription not in self.browsers and len(self.browsers) >= MOST:
            facts.append(PushUnsubscribed(subscription=next(iter(self.browsers)), reason="replaced"))
        facts.append(
            PushSubscribed(
                subscription=subscription, service=service, keys=keys, reminders=reminders, live=live, sign_in=sign_in
            )
        )
        return facts

    def unsubscribe(self, subscription: str | None, reason: str) -> list[Fact]:
        """Tell them no longer in a browser, or in any."""
        gone = self.browsers if subscription is None else self.browsers.keys() & {subscription}
        return [PushUnsubscribed(subscription=one, reason=reason) for one in gone]

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case PushSubscribed() as f:
                before = self.browsers.get(f.subscription)
                since = meta.at if before is None else before.created_at
                self.browsers[f.subscription] = Subscription(
                    f.subscription, f.service, f.keys, f.reminders, f.live, since, f.sign_in
                )
            case PushUnsubscribed() as f:
                self.browsers.pop(f.subscription, None)
            case _:
                pass
