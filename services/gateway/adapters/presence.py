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


class Renewals:
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

    def was_opened(self, space_id: str, session_id: str, person_id: str | None) -> bool:
        """Whether this session was opened here, by them."""
        lease = self._opened.get(session_id)
        return lease is not None and lease.space_id == space_id and lease.person_id == person_id

    def lease_of(self, space_id: str, session_id: str, person_id: str | None, otherwise: Lease) -> Lease:
        """The lease as it was opened here, else (opened before a restart, or elsewhere) `otherwise`."""
        return self._opened[session_id] if self.was_opened(space_id, session_id, person_id) else otherwise

    @contextlib.asynccontextmanager
    async def holding(self, lease: Lease) -> AsyncIterator[None]:
        """Renew a lease while the context is open; one session may be held several times."""
        holders = self._held.setdefault(lease.session_id, [])
        holders.append(lease)
        try:
            await self.renew([lease])
            yield
        finally:
            holders.remove(lease)
            if not holders:
                self._held.pop(lease.session_id, None)

    async def renew(self, leases: list[Lease]) -> None:
        """Say once that these sessions are alive. Lost where NATS is away: the next time says it again."""
        partitions: dict[int, list[Lease]] = {}
        for lease in leases:
            partition = subjects.partition_of(lease.space_id, self._bus.settings.partitions)
            partitions.setdefault(partition, []).append(lease)
        for partition, those in partitions.items():
            for start in range(0, len(those), _BATCH):
                renewal = Renewal(holder=self._holder, leases=tuple(those[start : start + _BATCH]))
                try:
                    await self._bus.nc.publish(subjects.presence(partition), renewal.model_dump_json().encode())
                except (nats.errors.Error, OSError) as error:
                    _log.warning("leases are not renewed", extra={"why": str(error), "partition": partition})
                    return

    async def run(self) -> None:
        """Renew what is held, for ever."""
        while True:
            await asyncio.sleep(self._every)
            await self.renew([holders[0] for holders in self._held.values() if holders])
