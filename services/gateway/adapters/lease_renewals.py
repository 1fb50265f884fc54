"""Leases of the sessions whose client has a live event stream open here, renewed in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator

import nats.errors

from contracts import subjects
from contracts.presence.v1 import Lease, Renewal
from libs.bus import Bus

_log = logging.getLogger(__name__)
_BATCH = 1000
_REMEMBERED = 50_000


class LeaseRenewals:
    """Keeps sessions alive: says so at once when one is held, and every `every` seconds while it is."""

    def __init__(self, bus: Bus, holder: str, every: float) -> None:
        self._bus = bus
        self._holder = holder
        self._every = every
        self._held: dict[str, list[Lease]] = {}
        self._opened: OrderedDict[str, Lease] = OrderedDict()

    def opened(self, lease: Lease) -> None:
        """Remember how a session was opened; its platform and source are in no address."""
        self._opened[lease.session_id] = lease
        while len(self._opened) > _REMEMBERED:
            self._opened.popitem(last=False)

    def lease_of(self, otherwise: Lease) -> Lease:
        """The lease as it was opened here, else (opened before a restart, or elsewhere) `otherwise`."""
        return self._opened.get(otherwise.session_id, otherwise)

    def closed(self, session_id: str) -> None:
        """Renew a session no longer, though streams with it may be open: its client has left."""
        self._held.pop(session_id, None)

    @contextlib.asynccontextmanager
    async def holding(self, lease: Lease) -> AsyncIterator[None]:
        """Renew a lease while the context is open; one session may be held several times."""
        holders = self._held.setdefault(lease.session_id, [])
        holders.append(lease)
        try:
            await self._renew([lease], self._holder)
            yield
        finally:
            holders.remove(lease)
            if not holders and self._held.get(lease.session_id) is holders:
                del self._held[lease.session_id]

    async def renew(self, leases: list[Lease]) -> None:
        """Say once that the clients of these sessions say that they are there. Nobody holds them by that."""
        await self._renew(leases, "")

    async def _renew(self, leases: list[Lease], holder: str) -> None:
        """Lost where NATS is away: the next time says it again."""
        partitions: dict[int, list[Lease]] = {}
        for lease in leases:
            partition = subjects.partition_of(lease.space_id, self._bus.settings.partitions)
            partitions.setdefault(partition, []).append(lease)
        for partition, those in partitions.items():
            for start in range(0, len(those), _BATCH):
                renewal = Renewal(holder=holder, leases=tuple(those[start : start + _BATCH]))
                try:
                    await self._bus.say(subjects.presence(partition), renewal.model_dump_json().encode())
                except (nats.errors.Error, OSError) as error:
                    _log.warning("leases are not renewed", extra={"why": str(error), "partition": partition})
                    return

    async def run(self) -> None:
        """Renew what is held, for ever."""
        while True:
            await asyncio.sleep(self._every)
            await self._renew([holders[0] for holders in self._held.values() if holders], self._holder)
