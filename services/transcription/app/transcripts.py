"""Transcripts: load, call, save."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from libs.eventstore import Order, Store
from services.transcription.domain import Captioned, Position, Transcript


class Transcripts:
    """The transcripts in an event store; `now` is the clock (UTC)."""

    def __init__(self, store: Store[Transcript], now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def _order(self, id: str) -> Order:
        return Order(id=id, actor=None, at=self._now())

    async def open(self, space_id: str, lang: str, started_at: datetime) -> bool:
        """Begin a transcript; whether there is still something to add to it."""
        await self._store.execute(
            space_id, self._order(f"open:{space_id}"), lambda t: t.open(lang, started_at), lambda t: None
        )
        return not await self._store.read(space_id, lambda t: t.completed)

    async def position(self, space_id: str) -> Position:
        """Where to go on listening."""
        return await self._store.read(
            space_id,
            lambda t: Position(t.position.epoch, t.position.resume, dict(t.position.sessions)),
        )

    async def caption(self, space_id: str, caption: Captioned) -> bool:
        """Store a final caption; whether it is new. It is on disk when this returns."""
        done = await self._store.execute(
            space_id,
            self._order(f"caption:{space_id}:{caption.caption_id}"),
            lambda t: t.caption(caption),
            lambda t: None,
        )
        return bool(done.facts)

    async def complete(self, space_id: str) -> None:
        """Nothing more will come."""
        await self._store.execute(space_id, self._order(f"complete:{space_id}"), lambda t: t.complete(), lambda t: None)

    async def delete(self, space_id: str) -> None:
        """Show it to nobody any more, nor begin it."""
        await self._store.execute(space_id, self._order(f"delete:{space_id}"), lambda t: t.delete(), lambda t: None)

    async def read(self, space_id: str, at: int | None = None) -> Transcript:
        """A transcript as it is now, of which the caller changes nothing; of version 0 where there is none.

        With `at` as it was at that version, unless it is deleted by now.
        """
        now = await self._store.read(space_id, lambda t: t)
        if at is None or at >= now.version or now.deleted:
            return now
        return await self._store.load(space_id, at=at)
