"""From stored facts to contract events."""

from __future__ import annotations

from contracts.envelope import Event
from contracts.notifications import v1
from libs.eventstore import Notification
from services.notifications.domain import push, webhooks
from services.notifications.domain.entities import person_of


def translate(notification: Notification) -> list[Event]:
    """The contract events of one stored fact."""
    id, version, at = notification.aggregate_id, notification.version, notification.record.at
    match notification.fact:
        case webhooks.WebhookAdded() as f:
            return [
                v1.WebhookAdded.model_validate(
                    {
                        "webhook_id": f.webhook,
                        "version": version,
                        "at": at,
                        "events": f.events,
                        "rights": f.rights,
                        "key_id": f.key or None,
                    }
                )
            ]
        case webhooks.WebhookChanged() as f:
            return [v1.WebhookChanged(webhook_id=f.webhook, version=version, at=at, events=f.events)]
        case webhooks.WebhookPaused() as f:
            reason = v1.PauseReason(f.reason)
            return [v1.WebhookPaused(webhook_id=f.webhook, version=version, at=at, reason=reason)]
        case webhooks.WebhookResumed() as f:
            return [v1.WebhookResumed(webhook_id=f.webhook, version=version, at=at)]
        case webhooks.WebhookRemoved() as f:
            return [v1.WebhookRemoved(webhook_id=f.webhook, version=version, at=at)]
        case push.PushSubscribed() as f:
            return [
                v1.PushSubscribed(
                    person_id=person_of(id), version=version, at=at, subscription_id=f.subscription,
                    reminders=f.reminders, live=f.live,
                )
            ]  # fmt: skip
        case push.PushUnsubscribed() as f:
            return [
                v1.PushUnsubscribed(
                    person_id=person_of(id), version=version, at=at, subscription_id=f.subscription,
                    reason=v1.PushReason(f.reason),
                )
            ]  # fmt: skip
        case _:
            return []
