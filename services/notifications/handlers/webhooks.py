"""Webhooks: managing them, and what was sent to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from contracts.commands import Accepted, Command, Query
from contracts.notifications import v1
from libs.bus import Handlers
from libs.commands import Executor
from libs.refusal import Refusal
from libs.tables import TablesAway
from services.notifications.adapters.attempt_log import AttemptLog, LoggedAttempt
from services.notifications.adapters.deliveries import Deliveries
from services.notifications.app.addresses import Addresses, Seen
from services.notifications.app.delivering import Deliverer, Sent
from services.notifications.app.sending import Sending, wants
from services.notifications.domain.entities import Entity
from services.notifications.domain.retrying import Retrying
from services.notifications.domain.webhooks import Webhook

_REMEMBERED: Final = 30.0
"""Seconds for which the answer of a test is remembered."""


def add(
    table: Handlers,
    executor: Executor[Entity],
    addresses: Addresses,
    deliverer: Deliverer,
    deliveries: Deliveries,
    attempts: AttemptLog,
    sending: Sending,
    retrying: Retrying,
    now: Callable[[], datetime],
) -> None:
    """Answer for webhooks."""

    under_way: dict[str, asyncio.Task[tuple[str, Sent]]] = {}

    async def once(command_id: str, begin: Callable[[], Coroutine[Any, Any, tuple[str, Sent]]]) -> tuple[str, Sent]:
        """A command that takes long is sent again meanwhile, and is not begun a second time."""
        if (task := under_way.get(command_id)) is None:
            task = under_way[command_id] = asyncio.create_task(begin(), name=f"test {command_id}")
            forget = partial(under_way.pop, command_id, None)
            task.add_done_callback(lambda _: asyncio.get_running_loop().call_later(_REMEMBERED, forget))
        return await asyncio.shield(task)

    async def seen(webhook: Webhook) -> dict[str, Any]:
        return _seen(await addresses.seen(webhook), retrying)

    @table.on(v1.AddWebhook)
    async def add_webhook(command: v1.AddWebhook) -> Accepted[v1.WebhookWithSecret]:
        _operators_only(command)
        order = executor.order(command)
        webhook, secret = await addresses.add(
            order, command.webhook_id, command.url, command.events, command.rights, command.key_id
        )
        return Accepted(result=v1.WebhookWithSecret(**await seen(webhook), secret=secret))

    @table.on(v1.ChangeWebhook)
    async def change(command: v1.ChangeWebhook) -> Accepted[v1.Webhook]:
        _operators_only(command)
        order = executor.order(command)
        changed = await addresses.change(order, command.webhook_id, command.url, command.events, command.key_id)
        return Accepted(result=v1.Webhook(**await seen(changed)))

    @table.on(v1.RotateWebhookSecret)
    async def rotate(command: v1.RotateWebhookSecret) -> Accepted[v1.WebhookWithSecret]:
        _operators_only(command)
        keep = timedelta(seconds=command.keep_seconds)
        changed, secret = await addresses.rotate(executor.order(command), command.webhook_id, keep, command.key_id)
        return Accepted(result=v1.WebhookWithSecret(**await seen(changed), secret=secret))

    @table.on(v1.PauseWebhook)
    async def pause(command: v1.PauseWebhook) -> Accepted[v1.Webhook]:
        _operators_only(command)
        changed = await addresses.pause(executor.order(command), command.webhook_id, command.key_id)
        return Accepted(result=v1.Webhook(**await seen(changed)))

    @table.on(v1.ResumeWebhook)
    async def resume(command: v1.ResumeWebhook) -> Accepted[v1.Webhook]:
        _operators_only(command)
        changed = await addresses.resume(executor.order(command), command.webhook_id, command.key_id)
        deliverer.resumed(command.webhook_id)
        return Accepted(result=v1.Webhook(**await seen(changed)))

    @table.on(v1.RemoveWebhook)
    async def remove(command: v1.RemoveWebhook) -> Accepted[v1.Webhook]:
        _operators_only(command)
        before = await seen(await addresses.find(command.webhook_id, command.key_id))
        await addresses.remove(executor.order(command), command.webhook_id, command.key_id)
        return Accepted(result=v1.Webhook(**before))

    @table.on(v1.WebhooksQuery)
    async def webhooks(query: v1.WebhooksQuery) -> Accepted[v1.Webhooks]:
        _operators_only(query)
        found = [one for one in await addresses.all() if query.key_id is None or one.key == query.key_id]
        return Accepted(result=v1.Webhooks(webhooks=tuple([v1.Webhook(**await seen(one)) for one in found])))

    @table.on(v1.SendTest)
    async def send_test(command: v1.SendTest) -> Accepted[v1.SentTest]:
        _operators_only(command)
        webhook = await addresses.find(command.webhook_id, command.key_id)
        id, sent = await once(command.command_id, lambda: sending.test(webhook))
        return Accepted(
            result=v1.SentTest(
                message_id=id, outcome=v1.Outcome(sent.outcome), status=sent.status, error=sent.error,
                milliseconds=sent.milliseconds,
            )
        )  # fmt: skip

    @table.on(v1.DeliveriesQuery)
    async def log(query: v1.DeliveriesQuery) -> Accepted[v1.Deliveries]:
        _operators_only(query)
        await addresses.find(query.webhook_id, query.key_id)
        try:
            rows = await attempts.page(
                query.webhook_id, query.before, query.message_id, failed=query.failed, limit=query.limit + 1
            )
        except TablesAway as error:
            raise _away() from error
        page = tuple(_delivery(row) for row in rows[: query.limit])
        return Accepted(result=v1.Deliveries(deliveries=page, next=page[-1].id if len(rows) > len(page) else None))

    @table.on(v1.ReplayDeliveries)
    async def replay(command: v1.ReplayDeliveries) -> Accepted[v1.Replayed]:
        _operators_only(command)
        webhook = await addresses.find(command.webhook_id, command.key_id)
        if command.message_id is None and command.since is None:
            raise Refusal("invalid", "Say which event, or since when.", field="since")
        if webhook.paused:
            raise Refusal("wrong_state", "This webhook is paused; resume it first.")
        try:
            events, more = await deliveries.replay(
                webhook.id, wants(webhook), now().timestamp(), message=command.message_id,
                since=None if command.since is None else command.since.timestamp(), failed=command.failed,
            )  # fmt: skip
        except TablesAway as error:
            raise _away() from error
        if not events and command.message_id is not None:
            raise Refusal("not_found", "There is no such event that is kept, and not on its way, for this webhook.")
        deliverer.wake()
        return Accepted(result=v1.Replayed(events=events, more=more))


def _operators_only(request: Command[Any] | Query[Any]) -> None:
    if not request.operator:
        raise Refusal("not_allowed", "This is for servers, and for those who run this place.")


def _away() -> Refusal:
    return Refusal("unavailable", "The log of deliveries cannot be read for a moment; try again.", retry=True)


def _seen(seen: Seen, retrying: Retrying) -> dict[str, Any]:
    webhook, progress = seen.webhook, seen.progress
    failing = progress is not None and progress.failing_since is not None
    state = v1.WebhookState.FAILING if failing else v1.WebhookState.ACTIVE
    told: dict[str, Any] = {
        "id": webhook.id,
        "url": seen.url,
        "events": webhook.events,
        "rights": webhook.rights,
        "key_id": webhook.key or None,
        "created_at": webhook.created_at,
        "state": v1.WebhookState.PAUSED if webhook.paused else state,
        "paused_because": v1.PauseReason(webhook.paused) if webhook.paused else None,
        "waiting": seen.lanes,
        "retried": seen.singles,
        "former_secret_until": seen.former_until,
    }
    if progress is not None and progress.failing_since is not None:
        told["failing_since"] = _time(progress.failing_since)
        if progress.failures >= retrying.doubt and not webhook.paused:
            told["next_attempt_at"] = _time(progress.next_at)
    return told


def _delivery(row: LoggedAttempt) -> v1.Delivery:
    return v1.Delivery(
        id=row.id,
        message_id=row.message,
        type=row.type,
        space_id=row.space or None,
        event_at=_time(row.event_at),
        at=_time(row.at),
        attempt=row.attempt,
        outcome=v1.Outcome(row.outcome),
        status=row.status,
        error=row.error,
        milliseconds=row.milliseconds,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
