"""Recordings in the event store, and their folders in the spool."""

from __future__ import annotations

import asyncio
from copy import copy
from datetime import datetime

from libs.commands import Executor
from libs.eventstore import Store
from services.recording.adapters.spool import Spool
from services.recording.app.audio_keys import AudioKeys
from services.recording.domain.recording import Phase, Recording


class Recordings:
    """Every method may raise `libs.refusal.Refusal` with `retry` where the event store is away or full."""

    def __init__(
        self, store: Store[Recording], executor: Executor[Recording], audio_keys: AudioKeys, spool: Spool
    ) -> None:
        self._store = store
        self._executor = executor
        self._audio_keys = audio_keys
        self._spool = spool

    async def get(self, space_id: str) -> Recording:
        """The recording of a Space, not to be changed; of phase `none` where it is not recorded."""
        return await self._store.read(space_id, copy)

    async def begin(self, space_id: str, cause: str, *, started_at: datetime, title: str) -> None:
        """Begin to record. `cause` is a name that is the same whenever the same thing is told again.

        May raise Unavailable and Expired too, where keys cannot be had.
        """
        sealed = await self._audio_keys.seal_title(space_id, title)
        await self._executor.by_itself(
            space_id, lambda r, _: r.begin(started_at=started_at, title=sealed), cause=f"begin {cause}"
        )
        await asyncio.to_thread(self._spool.open_space, space_id)

    async def end(self, space_id: str, cause: str, *, ended_at: datetime) -> bool:
        """The Space is over; whether a replay is owed."""
        await self._executor.by_itself(space_id, lambda r, _: r.end(ended_at=ended_at), cause=f"end {cause}")
        return (await self.get(space_id)).phase is Phase.PROCESSING
