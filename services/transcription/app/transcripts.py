"""What listening reads and writes of transcripts."""

from __future__ import annotations

from datetime import datetime

from libs.commands import Executor
from libs.eventstore import Store
from services.transcription.domain import Captioned, Detected, Position, Transcript


class Transcripts:
    """The transcripts in an event store, each of which grows while its Space is listened to."""

    def __init__(self, store: Store[Transcript], executor: Executor[Transcript]) -> None:
        self._store = store
        self._executor = executor

    async def open(self, space_id: str, lang: str, started_at: datetime) -> bool:
        """Begin a transcript; whether there is still something to add to it."""
        await self._executor.by_itself(space_id, lambda t, _: t.open(lang, started_at), cause="open")
        return not await self._store.read(space_id, lambda t: t.completed)

    async def position(self, space_id: str) -> Position:
        """Where to continue in the captured audio."""
        return await self._store.read(
            space_id,
            lambda t: Position(t.position.epoch, t.position.resume, dict(t.position.sessions)),
        )

    async def detected(self, space_id: str) -> dict[str, Detected]:
        """What language each person was found to speak."""
        return await self._store.read(space_id, lambda t: dict(t.detected))

    async def caption(self, space_id: str, caption: Captioned) -> bool:
        """Store a final caption; whether it is new. It is on disk when this returns."""
        cause = f"caption {caption.caption_id}"
        return bool(await self._executor.by_itself(space_id, lambda t, _: t.caption(caption), cause=cause))

    async def complete(self, space_id: str) -> None:
        """Nothing more will come."""
        await self._executor.by_itself(space_id, lambda t, _: t.complete(), cause="complete")

    async def read(self, space_id: str, at: int | None = None) -> Transcript:
        """A transcript as it is now, of which the caller changes nothing; of version 0 where there is none.

        With `at` as it was at that version, unless it is deleted by now.
        """
        now = await self._store.read(space_id, lambda t: t)
        if at is None or at >= now.version or now.deleted:
            return now
        return await self._store.load(space_id, at=at)
