"""Webhooks: where servers of the host product are told of events."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from contracts.commands import ApiKeyId, Command, Query, register
from contracts.envelope import Audience, Event, Model, event
from contracts.growing import GROWS, Growing
from contracts.people.v1 import ApiKeyScope
from contracts.times import Moment
from contracts.written import GivenLink

WebhookId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
EventPattern = Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z_]+\.([a-z_]+|\*)$")]
"""A type of events (`room.started`), or all of a context (`room.*`)."""
EventPatterns = Annotated[tuple[EventPattern, ...], Field(max_length=100)]
"""The types that are wanted; none: all that may be told."""


class WebhookState(Growing):
    """Whether events are sent."""

    ACTIVE = "active"
    FAILING = "failing"
    """The last attempts failed. It is tried again with growing pauses, and what waits is sent when one succeeds."""
    PAUSED = "paused"
    """Nothing is sent before somebody resumes it."""


class PauseReason(Growing):
    """Why nothing is sent."""

    ASKED = "asked"
    FAILING = "failing"
    """Every attempt of several days failed."""
    GONE = "gone"
    """It answered 410."""
    KEY_REVOKED = "key_revoked"
    """The API key that added it was revoked."""


class Webhook(Model):
    """An address that is told of events. Its secrets are told once, when they are made."""

    id: WebhookId
    url: str
    """Empty where its key cannot be had any more."""
    events: tuple[str, ...] = ()
    """The types that are wanted; none: all that its rights allow."""
    rights: tuple[Annotated[ApiKeyScope, GROWS], ...]
    """What it may be told of; see `contracts.servers`."""
    key_id: ApiKeyId | None = None
    """The API key that added it; None where somebody who runs the instance did."""
    created_at: Moment
    state: WebhookState
    paused_because: PauseReason | None = None
    failing_since: Moment | None = None
    """When the first of the attempts failed after which none succeeded."""
    next_attempt_at: Moment | None = None
    """While it fails."""
    waiting: int = Field(default=0, ge=0)
    """Spaces and people with events that are still to be sent."""
    retried: int = Field(default=0, ge=0)
    """Single events that are tried again, or were asked for again."""
    former_secret_until: Moment | None = None
    """Until when the secret before the last rotation signs too."""


class WebhookWithSecret(Webhook):
    """A webhook whose secret was made just now."""

    secret: str
    """`whsec_...`, as the Standard Webhooks specification has it."""


class Webhooks(Model):
    """Webhooks, oldest first."""

    webhooks: tuple[Webhook, ...] = ()


class WebhookEvent(Event):
    """Belongs to a webhook."""

    webhook_id: WebhookId
    version: int

    @property
    def key(self) -> str:
        return self.webhook_id


@event("notifications", "webhook_added", Audience.OPERATORS)
class WebhookAdded(WebhookEvent):
    """There is a webhook."""

    events: tuple[str, ...] = ()
    rights: tuple[Annotated[ApiKeyScope, GROWS], ...]
    key_id: ApiKeyId | None = None


@event("notifications", "webhook_changed", Audience.OPERATORS)
class WebhookChanged(WebhookEvent):
    """It has another address, or wants other events."""

    events: tuple[str, ...] = ()


@event("notifications", "webhook_paused", Audience.OPERATORS)
class WebhookPaused(WebhookEvent):
    """Nothing is sent any more."""

    reason: PauseReason


@event("notifications", "webhook_resumed", Audience.OPERATORS)
class WebhookResumed(WebhookEvent):
    """It is sent again."""


@event("notifications", "webhook_removed", Audience.OPERATORS)
class WebhookRemoved(WebhookEvent):
    """There is no such webhook any more."""


class OfWebhook(Model):
    """About one webhook, for those who run the instance, or for the server whose API key added it."""

    service: ClassVar[str] = "notifications"
    webhook_id: WebhookId
    key_id: ApiKeyId | None = None
    """The API key of the server that asks, which sees its own webhooks alone; None: whoever runs the instance."""


@register
class AddWebhook(OfWebhook, Command[WebhookWithSecret]):
    """Have an address told of events from now on. Sent again, the answer has the same secret.

    Refuses: not_allowed, invalid (the address, or events that these rights do not open), wrong_state (too many),
    unavailable.
    """

    name = "add_webhook"
    result = WebhookWithSecret
    url: GivenLink
    events: EventPatterns = ()
    rights: Annotated[tuple[ApiKeyScope, ...], Field(min_length=1, max_length=10)]


@register
class ChangeWebhook(OfWebhook, Command[Webhook]):
    """Choose another address or other events; what is None stays. Refuses: not_allowed, webhook_unknown, invalid,
    unavailable."""

    name = "change_webhook"
    result = Webhook
    url: GivenLink | None = None
    events: EventPatterns | None = None


@register
class RotateWebhookSecret(OfWebhook, Command[WebhookWithSecret]):
    """Make another secret; the one before signs too for `keep_seconds`. Refuses: not_allowed, webhook_unknown,
    unavailable."""

    name = "rotate_webhook_secret"
    result = WebhookWithSecret
    keep_seconds: Annotated[int, Field(ge=0, le=30 * 86_400)] = 86_400


@register
class PauseWebhook(OfWebhook, Command[Webhook]):
    """Send nothing for now; what happens waits. Again is accepted. Refuses: not_allowed, webhook_unknown."""

    name = "pause_webhook"
    result = Webhook


@register
class ResumeWebhook(OfWebhook, Command[Webhook]):
    """Send again, beginning with what waits; also where it fails, at once. Refuses: not_allowed, webhook_unknown,
    wrong_state (its API key was revoked)."""

    name = "resume_webhook"
    result = Webhook


@register
class RemoveWebhook(OfWebhook, Command[Webhook]):
    """Forget a webhook with its secrets and everything that waits for it. Refuses: not_allowed, webhook_unknown."""

    name = "remove_webhook"
    result = Webhook


@register
class WebhooksQuery(Query[Webhooks]):
    """Webhooks, for those who run the instance or a server's own. Refuses: not_allowed."""

    service = "notifications"
    name = "webhooks"
    result = Webhooks
    key_id: ApiKeyId | None = None
