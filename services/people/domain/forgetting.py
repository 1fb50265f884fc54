"""What is forgotten for good: destroyed, and in no process's memory any more."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored


class Gone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry of the ledger: a subject (`unit` None), or a unit of a lock."""

    number: int
    what: str
    unit: str | None = None


@stored("people.forgotten")
class Forgotten(Fact):
    """Nobody can read it any more."""

    gone: Gone


class Forgetting(Aggregate):
    """How far the ledger is forgotten."""

    number: int = 0
    """Everything in the ledger up to here is."""

    def forget(self, gone: Iterable[Gone]) -> list[Fact]:
        """These are forgotten, in the ledger's order; what is forgotten already is left out."""
        return [Forgotten(gone=one) for one in gone if one.number > self.number]

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        if isinstance(fact, Forgotten):
            self.number = fact.gone.number
