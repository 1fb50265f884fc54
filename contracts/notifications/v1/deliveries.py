"""What was sent to webhooks, and sending it again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.commands import Command, Query, register
from contracts.envelope import Model, SpaceId
from contracts.growing import Growing
from contracts.notifications.v1.webhooks import OfWebhook
from contracts.times import GivenMoment, Moment

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_-]+$")]
"""What `webhook-id` says: the same however often an event is sent, and to whichever webhook."""


class Outcome(Growing):
    """What became of an attempt."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """It is tried again."""
    GIVEN_UP = "given_up"
    """It is not tried again, unless somebody asks for it."""
    LEFT_OUT = "left_out"
    """It was not sent: its words were erased, and without them there is nothing to tell."""


class Delivery(Model):
    """One attempt to tell a webhook of an event. What was sent is not kept, nor is the answer."""

    id: int = Field(ge=1)
    """Rises with time."""
    message_id: MessageId
    type: str
    space_id: SpaceId | None = None
    event_at: Moment
    at: Moment
    attempt: int = Field(ge=1)
    """Which it is, for this event and webhook since it was asked for."""
    outcome: Outcome
    status: int | None = None
    """The HTTP status; None where there was no answer."""
    error: str = ""
    """Why it failed, in words."""
    milliseconds: int = Field(default=0, ge=0)


class Deliveries(Model):
    """A page of attempts, newest first."""

    deliveries: tuple[Delivery, ...] = ()
    next: int | None = None
    """`before` of the next page; None on the last."""


@register
class DeliveriesQuery(OfWebhook, Query[Deliveries]):
    """The attempts of the last days, newest first. Refuses: not_allowed, webhook_unknown, unavailable."""

    name = "deliveries"
    result = Deliveries
    before: Annotated[int, Field(ge=1)] | None = None
    failed: bool = False
    """Those alone that did not succeed."""
    message_id: MessageId | None = None
    """Those of one event alone."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class Replayed(Model):
    """What is sent again."""

    events: int = Field(ge=0)
    """How many."""
    more: bool = False
    """There are more than are sent again for one order: ask again when these are sent."""


@register
class ReplayDeliveries(OfWebhook, Command[Replayed]):
    """Send again what is kept: one event, or those since a time, or those of them alone that were given up.

    They have the ids they had, and come in the order in which they happened, beside what is new.
    Refuses: not_allowed, webhook_unknown, invalid (neither an event nor a time), not_found (it is not kept any more, or
    this webhook does not want it), wrong_state (it is paused), unavailable.
    """

    name = "replay_deliveries"
    result = Replayed
    message_id: MessageId | None = None
    since: GivenMoment | None = None
    failed: bool = False


class SentTest(Model):
    """What became of a test."""

    message_id: MessageId
    outcome: Outcome
    status: int | None = None
    error: str = ""
    milliseconds: int = Field(default=0, ge=0)


@register
class SendTest(OfWebhook, Command[SentTest]):
    """Send an event of the type `test` at once, once, also where it is paused; it is on no log.

    Refuses: not_allowed, webhook_unknown, unavailable.
    """

    name = "send_test"
    result = SentTest
