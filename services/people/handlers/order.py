"""Who orders what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.commands import Command, Query
from libs.eventstore import Order, digest_of
from libs.refusal import Refusal


def order(command: Command[Any], now: datetime, *what: object) -> Order:
    """The order behind a decision; `what` is everything that was ordered."""
    digest = digest_of(command.name, *what)
    return Order(id=command.command_id, actor=command.actor, at=now, digest=digest)


def whole(command: Command[Any], now: datetime, *chosen: str) -> Order:
    """The order behind a command, all its fields being what was ordered but those that the gateway chose."""
    fields = command.model_dump(mode="json", exclude={"command_id", "actor", "operator", *chosen})
    return order(command, now, sorted(fields.items()))


def actor(request: Command[Any] | Query[Any]) -> str:
    """The person who asks. Refuses: unauthenticated."""
    if request.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return request.actor


def operators_only(request: Command[Any] | Query[Any]) -> None:
    """Refuses: unauthenticated, not_allowed."""
    if not request.operator:
        actor(request)
        raise Refusal("not_allowed", "This is for those who run this place.")
