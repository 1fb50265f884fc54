"""Spaces that were just created here, which discovery learns of a moment later."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from time import monotonic
from typing import Final

from contracts.discovery.v1 import LookupQuery
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal

_WITHIN: Final = 1.0
"""Seconds after its creation in which a Space is waited for."""
_MOST: Final = 100
_FIRST, _LONGEST = 0.005, 0.05
"""Seconds between two looks."""


class NewSpaces:
    """Lets creators be answered, and lists be asked for, when discovery knows what was created through this gateway.

    When discovery is further behind, lists come as it knows them: nobody waits longer than a second.
    """

    def __init__(self, bus: Bus, clock: Callable[[], float] = monotonic) -> None:
        self._bus = bus
        self._clock = clock
        self._awaited: dict[str, tuple[str, float]] = {}
        """Space -> its host, and until when it is waited for; the first created first."""
        self._looking = asyncio.Lock()

    def add(self, space_id: str, host_id: str) -> None:
        """A Space exists since now."""
        if len(self._awaited) >= _MOST:
            del self._awaited[next(iter(self._awaited))]
        self._awaited[space_id] = host_id, self._clock() + _WITHIN

    async def known(self) -> None:
        """Wait until discovery knows them. One request asks for all who wait."""
        if not self._awaited:
            return
        try:
            async with asyncio.timeout(_WITHIN), self._looking:
                await self._look()
        except (TimeoutError, Unavailable, Refusal):
            pass  # what cannot be found out is waited for no longer; the list itself is asked for in any case

    async def _look(self) -> None:
        pause = _FIRST
        while by_host := self._by_host():
            for host_id, space_ids in by_host.items():
                # Hosts are shown their own Spaces, whoever else may see them.
                query = LookupQuery(actor=host_id, space_ids=tuple(space_ids))
                found = (await self._bus.ask(query, timeout=_WITHIN)).result
                for space_id in (*(space.id for space in found.spaces), *found.left_out):
                    self._awaited.pop(space_id, None)
            if not self._awaited:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    def _by_host(self) -> dict[str, list[str]]:
        now = self._clock()
        by_host: defaultdict[str, list[str]] = defaultdict(list)
        for space_id, (host_id, until) in tuple(self._awaited.items()):
            if until <= now:
                del self._awaited[space_id]
            else:
                by_host[host_id].append(space_id)
        return by_host
