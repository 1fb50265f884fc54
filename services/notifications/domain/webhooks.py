"""Webhooks: where servers of the host product are told of events, and with which secrets that is signed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal

MOST: Final = 100
"""Webhooks at one time."""
SIGNING: Final = 5
"""Secrets that sign at one time."""


@stored("notifications.webhook_added")
class WebhookAdded(Fact):
    """There is a webhook."""

    webhook: str
    url: Words
    secret: Words
    events: tuple[str, ...]
    rights: tuple[str, ...]
    key: str = ""
    """The API key of the server that added it; empty where somebody who runs the instance did."""


@stored("notifications.webhook_changed")
class WebhookChanged(Fact):
    """It has another address, or wants other events; both as they are from now on."""

    webhook: str
    number: int
    """Of the address: each is sealed for a unit of its own."""
    url: Words
    events: tuple[str, ...]


@stored("notifications.secret_rotated")
class SecretRotated(Fact):
    """Another secret signs from now on."""

    webhook: str
    number: int
    secret: Words
    kept_until: datetime
    """Until then those before sign too."""


@stored("notifications.webhook_paused")
class WebhookPaused(Fact):
    """Nothing is sent any more."""

    webhook: str
    reason: str


@stored("notifications.webhook_resumed")
class WebhookResumed(Fact):
    """It is sent again."""

    webhook: str


@stored("notifications.webhook_removed")
class WebhookRemoved(Fact):
    """There is no such webhook any more."""

    webhook: str


@dataclass(slots=True)
class Secret:
    """What signs."""

    number: int
    words: Words
    until: datetime | None = None
    """None: for as long as it is the newest."""


@dataclass(slots=True)
class Webhook:
    """One address and what is known of it."""

    id: str
    key: str
    rights: tuple[str, ...]
    events: tuple[str, ...]
    url: Words
    created_at: datetime
    url_number: int = 1
    secrets: list[Secret] = field(default_factory=list)
    """Newest first."""
    paused: str = ""
    """Why nothing is sent; empty where it is."""

    def signing(self, now: datetime) -> list[Secret]:
        """The secrets that sign now, the newest first."""
        return [one for one in self.secrets if one.until is None or now < one.until]


class Webhooks(Aggregate):
    """The one of its kind."""

    webhooks: dict[str, Webhook] = msgspec.field(default_factory=dict)
    """Oldest first."""

    # -- deciding ----------------------------------------------------------------------------------------------

    def find(self, webhook: str, key: str | None = None) -> Webhook:
        """A webhook, of this API key where one is given. Refuses: webhook_unknown."""
        found = self.webhooks.get(webhook)
        if found is None or (key is not None and found.key != key):
            raise Refusal("webhook_unknown", "There is no such webhook.")
        return found

    def add(
        self, webhook: str, url: Words, secret: Words, events: tuple[str, ...], rights: Collection[str], key: str
    ) -> list[Fact]:
        """Tell an address of events."""
        if webhook in self.webhooks:
            raise Refusal("wrong_state", "There is a webhook of this id already.")
        if len(self.webhooks) >= MOST:
            raise Refusal("wrong_state", f"There are {MOST} webhooks, which is the most there is; remove one.")
        given = tuple(dict.fromkeys(events))
        return [
            WebhookAdded(webhook=webhook, url=url, secret=secret, events=given, rights=tuple(sorted(rights)), key=key)
        ]

    def change(self, webhook: str, url: Words | None, events: tuple[str, ...] | None, *, key: str | None) -> list[Fact]:
        """Tell another address, or of other events; None stays."""
        found = self.find(webhook, key)
        wanted = found.events if events is None else tuple(dict.fromkeys(events))
        if url is None and wanted == found.events:
            return []
        number = found.url_number + (url is not None)
        return [WebhookChanged(webhook=webhook, number=number, url=found.url if url is None else url, events=wanted)]

    def rotate(self, webhook: str, number: int, secret: Words, kept_until: datetime, *, key: str | None) -> list[Fact]:
        """Sign with another secret of this number. Those before sign for a while."""
        if number != self.find(webhook, key).secrets[0].number + 1:
            raise Refusal("unavailable", "Its secret was rotated at the same moment; try again.", retry=True)
        return [SecretRotated(webhook=webhook, number=number, secret=secret, kept_until=kept_until)]

    def pause(self, webhook: str, reason: str, *, key: str | None = None) -> list[Fact]:
        """Send nothing; again changes nothing, unless its API key is revoked, which nobody undoes."""
        found = self.find(webhook, key)
        if found.paused and (found.paused == reason or reason != "key_revoked"):
            return []
        return [WebhookPaused(webhook=webhook, reason=reason)]

    def resume(self, webhook: str, *, key: str | None) -> list[Fact]:
        """Send again; where it was sent, nothing changes."""
        found = self.find(webhook, key)
        if found.paused == "key_revoked":
            raise Refusal("wrong_state", "The API key that added it was revoked; add it anew with another one.")
        return [WebhookResumed(webhook=webhook)] if found.paused else []

    def remove(self, webhook: str, *, key: str | None) -> list[Fact]:
        """Forget it."""
        self.find(webhook, key)
        return [WebhookRemoved(webhook=webhook)]

    def revoke(self, key: str) -> list[Fact]:
        """Send nothing any more to what an API key added that was revoked."""
        of_key = [one.id for one in self.webhooks.values() if one.key == key]
        return [fact for id in of_key for fact in self.pause(id, "key_revoked")]

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case WebhookAdded() as f:
                secrets = [Secret(1, f.secret)]
                self.webhooks[f.webhook] = Webhook(
                    f.webhook, f.key, f.rights, f.events, f.url, meta.at, secrets=secrets
                )
            case WebhookChanged() as f:
                found = self.webhooks[f.webhook]
                found.url, found.url_number, found.events = f.url, f.number, f.events
            case SecretRotated() as f:
                found = self.webhooks[f.webhook]
                kept = found.signing(meta.at)[: SIGNING - 1]
                for one in kept:
                    one.until = min(one.until, f.kept_until) if one.until else f.kept_until
                found.secrets = [Secret(f.number, f.secret), *kept]
            case WebhookPaused() as f:
                self.webhooks[f.webhook].paused = f.reason
            case WebhookResumed() as f:
                self.webhooks[f.webhook].paused = ""
            case WebhookRemoved() as f:
                del self.webhooks[f.webhook]
            case _:
                pass
