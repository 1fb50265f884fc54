"""What is said to a store and what it says: states, orders, what became of them, facts in the store's order."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import msgspec

from libs.eventstore.facts import Fact, Meta, Record

T = TypeVar("T")


class State(Protocol):
    """An aggregate's state as its domain writes it. `version` is kept by the store: 0 while it does not exist."""

    version: int

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take a fact in. Never refuses: it has happened."""


S = TypeVar("S", bound=State)


class Aggregate(msgspec.Struct, eq=False):
    """What a domain makes its state of: fields with a type each, so that it can be kept between its facts."""

    id: str
    version: int = 0


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


class Done(msgspec.Struct, Generic[T], frozen=True):
    """An accepted command, committed."""

    version: int
    """The aggregate's version after it."""
    view: T
    facts: tuple[Fact, ...] = ()
    repeated: bool = False
    """It had been accepted before, and is answered as it was then."""


class Notification(msgspec.Struct, frozen=True):
    """A committed fact at its place in the whole store: what a relay follows."""

    id: int
    aggregate_id: str
    version: int
    record: Record[Fact]

    @property
    def fact(self) -> Fact:
        return self.record.fact


def digest_of(*parts: object) -> str:
    """A short digest of what a command orders, from anything with a stable `repr`; for `Order.digest`."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
