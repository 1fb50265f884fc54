"""What a domain writes: the state of an aggregate, and how it takes facts in."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from libs.eventstore.facts import Fact, Meta


class AggregateState(Protocol):
    """An aggregate's state as its domain writes it. `version` is kept by the store: 0 while it does not exist."""

    version: int

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take a fact in; `version` is the fact's own already. Never refuses: it has happened."""


S = TypeVar("S", bound=AggregateState)


class Aggregate(msgspec.Struct, eq=False):
    """What a domain makes its state of: fields with a type each, so that it can be kept between its facts."""

    id: str
    version: int = 0
