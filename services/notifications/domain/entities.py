"""Which aggregate an id of the store stands for."""

from __future__ import annotations

from typing import Final

from services.notifications.domain.push import PushKey, Subscriptions
from services.notifications.domain.webhooks import Webhooks

WEBHOOKS: Final = "webhooks"
"""The id of the one `Webhooks`."""
PUSH_KEY: Final = "push-key"
"""The id of the one `PushKey`."""
_PERSON: Final = "push-"

Entity = Webhooks | PushKey | Subscriptions
"""Whatever the store keeps; the id tells which."""


def new(id: str) -> Entity:
    """The empty state of an id."""
    if id == WEBHOOKS:
        return Webhooks(id)
    return PushKey(id) if id == PUSH_KEY else Subscriptions(id)


def stored_subscriptions(person_id: str) -> str:
    """The id under which somebody's browsers are stored."""
    return _PERSON + person_id


def person_of(id: str) -> str:
    """The person whose browsers are stored under an id."""
    return id.removeprefix(_PERSON)
