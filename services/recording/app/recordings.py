"""Recordings in the event store, and their folders in the spool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from copy import copy
from datetime import UTC, datetime

from libs.eventstore import Fact, Order, Store
from services.recording.adapters.spool import Spool
from services.recording.domain import FailureReason, Phase, Recording, Track


class Recordings:
    """Every method may raise `libs.refusal.Refusal` with `retry` where the event store is away or full."""

    def __init__(self, store: Store[Recording], spool: Spool) -> None:
        self._store = store
        self._spool = spool

    async def get(self, space_id: str) -> Recording:
        """The recording of a Space, not to be changed; of phase `none` where it is not recorded."""
        return await self._store.read(space_id, copy)

    async def begin(self, space_id: str, cause: str, *, started_at: datetime, title: str) -> None:
        """Begin to record. `cause` is a name that is the same whenever the same thing is told again."""
        await self._execute(space_id, f"begin {cause}", lambda r: r.begin(started_at=started_at, title=title))
        await asyncio.to_thread(self._spool.open_space, space_id)

    async def note_speaker(
        self, space_id: str, cause: str, *, person_id: str, handle: str, name: str, consents: bool, since: datetime
    ) -> None:
        """Somebody is on stage; nothing happens where the Space is not recorded."""
        await self._execute(
            space_id,
            f"note {cause} {person_id}",
            lambda r: r.note_speaker(person_id=person_id, handle=handle, name=name, consents=consents, since=since),
        )

    async def end(self, space_id: str, cause: str, *, ended_at: datetime) -> bool:
        """The Space is over; whether a replay is owed."""
        await self._execute(space_id, f"end {cause}", lambda r: r.end(ended_at=ended_at))
        return (await self.get(space_id)).phase is Phase.PROCESSING

    async def finish(
        self, space_id: str, *, began_at: datetime, seconds: float, bytes: int, mix: str, tracks: list[Track]
    ) -> None:
        """The replay is stored."""
        await self._execute(
            space_id,
            "finish",
            lambda r: r.finish(began_at=began_at, seconds=seconds, bytes=bytes, mix=mix, tracks=tracks),
        )

    async def fail(self, space_id: str, *, reason: FailureReason, detail: str) -> None:
        """There will be no replay."""
        await self._execute(space_id, "fail", lambda r: r.fail(reason=reason, detail=detail))

    async def _execute(self, space_id: str, id: str, decide: Callable[[Recording], Iterable[Fact]]) -> None:
        if not list(decide(await self.get(space_id))):
            return  # nothing would change: the store need not remember it either
        order = Order(id=f"{space_id} {id}", actor=None, at=datetime.now(UTC))
        await self._store.execute(space_id, order, decide, lambda _: None)
