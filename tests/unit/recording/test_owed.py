"""What is owed of recordings is done as far as it can be, and the rest later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from libs.commands import Executor
from libs.eventstore import Order, Store, open_store
from libs.object_store import ObjectStoreError, StoredObjects
from libs.refusal import Refusal
from services.recording.adapters.spool import Spool
from services.recording.app import erasing, retention
from services.recording.app.audio_keys import AudioKeys
from services.recording.domain.facts import Began, Deleted, Ended, Finished
from services.recording.domain.recording import Phase, Recording, Terms
from services.recording.projection import KeptSpaces
from tests.support.waiting import eventually

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
SPACES = ("a" * 26, "b" * 26, "c" * 26)
UNASKED = cast(Any, None)


class Objects(StoredObjects):
    """Of which one cannot be removed."""

    stuck = SPACES[0]

    async def remove(self, names: Sequence[str]) -> None:
        if self.stuck in names:
            raise ObjectStoreError(f"{self.stuck}: denied")


async def deleted(store: Store[Recording], space_id: str) -> None:
    """A replay that was deleted, stored by a version that sealed nothing."""
    facts = (
        Began(started_at=AT, title="Tea"),
        Ended(ended_at=AT),
        Finished(began_at=AT, seconds=1, bytes=1, mix=space_id, tracks=()),
        Deleted(reason="host"),
    )
    order = Order(id=f"seed:{space_id}", actor=None, at=AT)
    await store.execute(space_id, order, lambda _: facts, lambda _: None)


async def test_a_safety_copy_that_cannot_be_removed_keeps_no_other_one(tmp_path: Path) -> None:
    objects, terms = Objects(f"file://{tmp_path}/objects"), Terms(None, timedelta(), timedelta())
    async with open_store(tmp_path / "store.db", Recording) as store, KeptSpaces(tmp_path / "kept.db") as kept:
        for space_id in SPACES:
            await deleted(store, space_id)
        executor = Executor(store, lambda: AT, lambda _: ())
        due = retention.Retention(
            store, executor, kept, objects, Spool(tmp_path / "spool"), AudioKeys(UNASKED, UNASKED), terms, lambda: AT
        )
        with pytest.raises(ObjectStoreError, match="denied"):
            await due.look()

        async def phases() -> list[Phase]:
            return [await store.read(space_id, lambda recording: recording.phase) for space_id in SPACES]

        assert await phases() == [Phase.DELETED, Phase.DESTROYED, Phase.DESTROYED]
        objects.stuck = ""
        await due.look()
        assert await phases() == [Phase.DESTROYED] * 3


class Away:
    """An index of a store that is away for a while."""

    def __init__(self) -> None:
        self.away = True
        self.asked = 0

    async def catch_up(self, store: object) -> None:
        self.asked += 1
        if self.away:
            raise Refusal("unavailable", "The event store is away for a moment; try again.", retry=True)

    def unmixed(self) -> list[str]:
        return []


async def test_mixes_are_made_again_once_the_store_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "_PAUSE", 0.01)
    kept = Away()
    owed = erasing.Erasing(
        UNASKED, UNASKED, cast(Any, kept), UNASKED, Spool(tmp_path), UNASKED, UNASKED, asyncio.Lock()
    )
    running = asyncio.create_task(owed.run())
    try:
        await eventually(lambda: kept.asked > 1)
        assert "away" in (owed.trouble() or "")
        kept.away = False
        await eventually(lambda: owed.trouble() is None)
        assert not running.done()
    finally:
        running.cancel()
