"""The command behind a decision, and what became of it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from libs.eventstore.facts import Fact

T = TypeVar("T")


class Order(msgspec.Struct, frozen=True, gc=False):
    """The command behind a decision."""

    id: str
    """The client's idempotency key."""
    actor: str | None
    """Who ordered it, the scope of the id; None for the system."""
    at: datetime
    """Now (UTC)."""
    digest: str = ""
    """What was ordered; the same id with another digest is refused as `idempotency_conflict`."""
    api_key: str | None = None
    """The API key of the server that ordered it."""


class Done(msgspec.Struct, Generic[T], frozen=True):
    """An accepted command, committed."""

    version: int
    """The aggregate's version after it."""
    view: T
    facts: tuple[Fact, ...] = ()
    repeated: bool = False
    """It had been accepted before, and is answered as it was then."""


def digest_of(*parts: object) -> str:
    """A short digest of what a command orders, from anything with a stable `repr`; for `Order.digest`."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
