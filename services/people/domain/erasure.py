"""A person who is erased: what is stored of it, and what is left to be said of them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from libs.eventstore import Fact, stored


@stored("people.erased")
class PersonErased(Fact):
    """The person is erased: themself, or by operators. Nothing else is accepted of them or about them."""

    handle_kept_until: datetime | None = None
    """Nobody else gets their handle before; None: it is free at once."""


@stored("people.handle_freed")
class HandleFreed(Fact):
    """Others may take the handle of somebody who was erased."""


class Erasure(msgspec.Struct):
    """Since when somebody is erased, and until when nobody gets their handle."""

    at: datetime
    handle_kept_until: datetime | None

    def free_handle(self, now: datetime) -> list[Fact]:
        """Let others have the handle once its time is over; again changes nothing."""
        if self.handle_kept_until is None or self.handle_kept_until > now:
            return []
        return [HandleFreed()]
