"""Webhooks as those who manage them see them: added, changed, rotated, paused and removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts import servers
from libs.commands import Executor, of_kind
from libs.eventstore import Fact, Order, Store
from libs.fetch import NotAllowed
from libs.links import tidy_link
from libs.refusal import Refusal
from services.notifications.adapters.deliveries import Deliveries, Progress
from services.notifications.adapters.signing import new_secret
from services.notifications.app.sealing import Sealer, of_webhook, unit_of_secret, unit_of_url
from services.notifications.domain.entities import WEBHOOKS, Entity
from services.notifications.domain.webhooks import Webhook, Webhooks


@dataclass(frozen=True, slots=True)
class Seen:
    """A webhook with how it is doing."""

    webhook: Webhook
    url: str
    progress: Progress | None
    lanes: int
    singles: int
    former_until: datetime | None


class Addresses:
    """All webhooks. `check` raises NotAllowed for an address that is never asked."""

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        sealer: Sealer,
        deliveries: Deliveries,
        check: Callable[[str], None],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._executor = executor
        self._sealer = sealer
        self._deliveries = deliveries
        self._check = check
        self._now = now

    async def all(self) -> list[Webhook]:
        """Every webhook as it is now, oldest first."""
        return await self._store.read(
            WEBHOOKS, of_kind(Webhooks, lambda all: [_copy(one) for one in all.webhooks.values()])
        )

    async def find(self, webhook: str, key: str | None) -> Webhook:
        """One of them, of this API key where one is given. Refuses: webhook_unknown."""
        return await self._store.read(WEBHOOKS, of_kind(Webhooks, lambda all: _copy(all.find(webhook, key))))

    async def seen(self, webhook: Webhook) -> Seen:
        """A webhook with how it is doing. Refuses: unavailable."""
        progress, lanes, singles = await self._deliveries.standing(webhook.id)
        former = [one.until for one in webhook.signing(self._now())[1:] if one.until is not None]
        return Seen(webhook, await self.url(webhook), progress, lanes, singles, max(former, default=None))

    async def url(self, webhook: Webhook) -> str:
        """Its address; empty where its key is gone. Refuses: unavailable."""
        unit = unit_of_url(webhook.url_number)
        return await self._sealer.read(of_webhook(webhook.id), unit, webhook.url) or ""

    async def secrets(self, webhook: Webhook) -> list[str]:
        """The secrets that sign now, the newest first. Refuses: unavailable."""
        found = [
            await self._sealer.read(of_webhook(webhook.id), unit_of_secret(one.number), one.words)
            for one in webhook.signing(self._now())
        ]
        return [secret for secret in found if secret is not None]

    # -- managing ----------------------------------------------------------------------------------------------

    async def add(
        self, order: Order, id: str, url: str, events: tuple[str, ...], rights: Collection[str], key: str | None
    ) -> tuple[Webhook, str]:
        """Tell an address of events; the webhook and its secret. Refuses: invalid, wrong_state, unavailable."""
        _must_match(events, rights)
        lock = of_webhook(id)
        address = await self._sealer.seal(lock, unit_of_url(1), self._tidy(url))
        secret = await self._sealer.seal(lock, unit_of_secret(1), new_secret())
        decide = of_kind(Webhooks, lambda all: all.add(id, address, secret, events, rights, key or ""))
        # Sent again it has another id, so what it made is looked for by what was made.
        view = of_kind(Webhooks, lambda all: _copy(next(reversed(all.webhooks.values()))))
        done = await self._executor.execute(order, WEBHOOKS, decide, view)
        await self._deliveries.begin(done.view.id, self._now().timestamp())
        return done.view, await self._newest_secret(done.view)

    async def change(
        self, order: Order, id: str, url: str | None, events: tuple[str, ...] | None, key: str | None
    ) -> Webhook:
        """Choose another address or other events. Refuses: webhook_unknown, invalid, unavailable."""
        before = await self.find(id, key)
        if events is not None:
            _must_match(events, before.rights)
        address = None
        if url is not None:
            unit = unit_of_url(before.url_number + 1)
            address = await self._sealer.seal(of_webhook(id), unit, self._tidy(url))

        def decide(all: Webhooks) -> Iterable[Fact]:
            if address is not None and all.find(id, key).url_number != before.url_number:
                raise Refusal("unavailable", "Its address was changed at the same moment; try again.", retry=True)
            return all.change(id, address, events, key=key)

        return await self._changed(order, id, decide, key)

    async def rotate(self, order: Order, id: str, keep: timedelta, key: str | None) -> tuple[Webhook, str]:
        """Sign with another secret; the webhook and the secret. Refuses: webhook_unknown, unavailable."""
        number = (await self.find(id, key)).secrets[0].number + 1
        secret = await self._sealer.seal(of_webhook(id), unit_of_secret(number), new_secret())
        until = order.at + keep
        changed = await self._changed(order, id, lambda all: all.rotate(id, number, secret, until, key=key), key)
        return changed, await self._newest_secret(changed)

    async def pause(self, order: Order, id: str, key: str | None) -> Webhook:
        """Send nothing for now. Refuses: webhook_unknown."""
        return await self._changed(order, id, lambda all: all.pause(id, "asked", key=key), key)

    async def resume(self, order: Order, id: str, key: str | None) -> Webhook:
        """Send again, at once. Refuses: webhook_unknown, wrong_state."""
        changed = await self._changed(order, id, lambda all: all.resume(id, key=key), key)
        await self._deliveries.resume(id, self._now().timestamp())
        return changed

    async def remove(self, order: Order, id: str, key: str | None) -> Webhook:
        """Forget it; what is kept of it goes soon after. Refuses: webhook_unknown."""
        before = await self.find(id, key)
        await self._deliveries.begin(id, self._now().timestamp())  # what is kept of it is forgotten by this
        await self._executor.execute(order, WEBHOOKS, of_kind(Webhooks, lambda all: all.remove(id, key=key)))
        return before

    async def give_up(self, id: str, reason: str) -> None:
        """Send nothing any more to an address that is dead."""

        def decide(all: Webhooks, _: datetime) -> Iterable[Fact]:
            return all.pause(id, reason) if id in all.webhooks else ()

        await self._executor.by_itself(WEBHOOKS, lambda all, at: of_kind(Webhooks, lambda one: decide(one, at))(all))

    async def revoke(self, key: str) -> None:
        """Send nothing any more to what an API key added that was revoked."""
        await self._executor.by_itself(WEBHOOKS, lambda all, _: of_kind(Webhooks, lambda one: one.revoke(key))(all))

    async def _changed(
        self, order: Order, id: str, decide: Callable[[Webhooks], Iterable[Fact]], key: str | None
    ) -> Webhook:
        view = of_kind(Webhooks, lambda all: _copy(all.find(id, key)))
        return (await self._executor.execute(order, WEBHOOKS, of_kind(Webhooks, decide), view)).view

    async def _newest_secret(self, webhook: Webhook) -> str:
        newest = webhook.secrets[0]
        found = await self._sealer.read(of_webhook(webhook.id), unit_of_secret(newest.number), newest.words)
        if found is None:
            raise Refusal("webhook_unknown", "This webhook was removed.")
        return found

    def _tidy(self, url: str) -> str:
        tidy = tidy_link(url)
        try:
            self._check(tidy)
        except NotAllowed:
            raise Refusal("invalid", "A webhook's address begins with https://.", field="url") from None
        return tidy


def _must_match(events: tuple[str, ...], rights: Collection[str]) -> None:
    if strangers := servers.unmatched(events, rights):
        raise Refusal("invalid", f"These rights open no event {strangers[0]}.", field="events")
    if not servers.types_for(rights):
        raise Refusal("not_allowed", "This API key opens no events: it needs events, people or another right besides.")


def _copy(webhook: Webhook) -> Webhook:
    """As it is now, whatever happens to it later."""
    copied = copy(webhook)
    copied.secrets = [copy(one) for one in webhook.secrets]
    return copied
