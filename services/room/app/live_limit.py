"""How many Spaces of one host are live at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from libs.eventstore import Fact, Store
from libs.refusal import Refusal
from services.room.domain.space import Space
from services.room.projection.agenda import Agenda

_LOCKS: Final = 64


class LiveLimit:
    """Lets a host start one Space after another, up to `most` that are live; those handed over to them count too."""

    def __init__(self, store: Store[Space], agenda: Agenda, most: int) -> None:
        self._store = store
        self._agenda = agenda
        self._most = most
        self._turns = [asyncio.Lock() for _ in range(_LOCKS)]

    @contextlib.asynccontextmanager
    async def turn(self, host_id: str) -> AsyncIterator[Callable[[list[Fact]], list[Fact]]]:
        """Alone for this host while the context is open. What it gives passes on what was decided, or refuses
        too_many_live: in the decision, so that a command that is sent again is answered as before."""
        async with self._turns[hash(host_id) % _LOCKS]:
            await self._agenda.catch_up(self._store)
            live = self._agenda.live_of(host_id)

            def must_have_room(decided: list[Fact]) -> list[Fact]:
                if live >= self._most:
                    raise Refusal("too_many_live", f"You have {live} live Spaces already; end one first.")
                return decided

            yield must_have_room
