"""Recordings in the event store, and their folders in the spool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from copy import copy
from datetime import UTC, datetime

from libs.eventstore import Done, Fact, Order, Store
from services.recording.adapters.spool import Spool
from services.recording.domain import FailureReason, Phase, Recording, Terms, Track


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

    async def note_host(self, space_id: str, cause: str, host: str) -> None:
        """Somebody hosts the Space from now on; nothing happens where it is not recorded."""
        await self._execute(space_id, f"host {cause}", lambda r: r.note_host(host))

    async def delete(self, order: Order, space_id: str, *, operator: bool) -> Done[None]:
        """Show the replay to nobody any more. Refuses as `Recording.delete` does."""
        return await self._store.execute(
            space_id, order, lambda r: r.delete(order.actor, operator=operator), lambda _: None
        )

    async def hear(self, order: Order, space_id: str, report: str) -> Done[Recording]:
        """Put on record that an operator listens; what is kept. Refuses as `Recording.hear` does."""
        return await self._store.execute(space_id, order, lambda r: r.hear(report), copy)

    async def reported(self, space_id: str, cause: str, report: str) -> None:
        """Somebody complains of what was said in a Space."""
        await self._execute(space_id, f"report {cause}", lambda r: r.report(report))

    async def settled(self, space_id: str, cause: str, report: str) -> None:
        """A complaint is open no more."""
        await self._execute(space_id, f"settle {cause}", lambda r: r.settle(report))

    async def expire(self, space_id: str, now: datetime, terms: Terms) -> None:
        """Delete the replay that has been kept for its time."""
        await self._execute(space_id, "expire", lambda r: r.expire(now, terms))

    async def destroyed(self, space_id: str, now: datetime, terms: Terms) -> None:
        """Nothing is left of the safety copy."""
        await self._execute(space_id, "destroy", lambda r: r.destroy(now, terms))

    async def _execute(self, space_id: str, id: str, decide: Callable[[Recording], Iterable[Fact]]) -> None:
        if not list(decide(await self.get(space_id))):
            return  # nothing would change: the store need not remember it either
        order = Order(id=f"{space_id} {id}", actor=None, at=datetime.now(UTC))
        await self._store.execute(space_id, order, decide, lambda _: None)
