"""Web push: the browsers in which somebody is told."""

from __future__ import annotations

from typing import Any

from contracts.commands import Accepted, Command, Nothing, Query
from contracts.notifications import v1
from libs.bus import Handlers
from libs.commands import Executor
from libs.personal_data import Held
from libs.refusal import Refusal
from services.notifications.app.browsers import Browsers
from services.notifications.domain.entities import Entity
from services.notifications.domain.push import Subscription


def add(table: Handlers, executor: Executor[Entity], browsers: Browsers, held: Held) -> None:
    """Answer for browsers."""

    @table.on(v1.Subscribe)
    async def subscribe(command: v1.Subscribe) -> Accepted[v1.Subscription]:
        person = _actor(command)
        given = (command.address, command.p256dh, command.auth)
        made = await browsers.subscribe(
            executor.order(command), person, given, reminders=command.reminders, live=command.live,
            sign_in=command.sign_in or "",
        )  # fmt: skip
        return Accepted(result=_seen(made))

    @table.on(v1.Unsubscribe)
    async def unsubscribe(command: v1.Unsubscribe) -> Accepted[Nothing]:
        await browsers.unsubscribe(executor.order(command), _actor(command), command.subscription_id)
        return Accepted(result=Nothing())

    @table.on(v1.SubscriptionsQuery)
    async def subscriptions(query: v1.SubscriptionsQuery) -> Accepted[v1.Subscriptions]:
        found = await browsers.of(_actor(query))
        key, _ = await browsers.key()
        return Accepted(result=v1.Subscriptions(key=key, subscriptions=tuple(map(_seen, found))))

    table.add(v1.HeldQuery, held.page)


def _actor(request: Command[Any] | Query[Any]) -> str:
    if request.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return request.actor


def _seen(one: Subscription) -> v1.Subscription:
    return v1.Subscription(
        id=one.id, service=one.service, reminders=one.reminders, live=one.live, created_at=one.created_at
    )
