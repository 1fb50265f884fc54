"""Which Spaces are mixed while they run, from when on, and what becomes of it when they are over."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from contracts import live_audio, object_names
from libs.aio import end
from libs.commands import Executor
from libs.eventstore import Fact, Order, Store, open_store
from libs.keyring import ErasureTarget, Lock, lock_name
from libs.object_store import StoredObjects
from libs.refusal import Refusal
from services.recording.adapters.live_parts import LiveParts, path_of
from services.recording.adapters.spool import MAGIC, Spool
from services.recording.app.audio_keys import AudioKeys
from services.recording.app.builds import Builds
from services.recording.app.finishing import Finishing, FinishingLimits
from services.recording.app.live import Live
from services.recording.app.recordings import Recordings
from services.recording.domain.facts import Began, Ended, Failed, Finished
from services.recording.domain.recording import Recording
from tests.support.at_rest import named
from tests.support.waiting import eventually

AT = datetime.now(UTC) - timedelta(minutes=5)
BEGAN, ENDED = Began(started_at=AT, title=""), Ended(ended_at=AT)
FAILED = Failed(reason="unreadable", detail="")
FINISHED = Finished(began_at=AT, seconds=1, bytes=1, mix="mix", tracks=())
SPACE, OTHER = "a" * 26, "b" * 26
UNASKED = cast(Any, None)


class Keys:
    """The keys of nobody."""

    async def locks(self, names: Iterable[str]) -> dict[str, Lock]:
        assert not [*names]
        return {}


@asynccontextmanager
async def recorder(
    tmp_path: Path, spaces: dict[str, tuple[Fact, ...]], destroy: Callable[[str, str], object] = lambda *_: None
) -> AsyncIterator[tuple[Spool, Live, Finishing]]:
    """Of Spaces of which these facts are stored."""

    async def destroying(lock: str, unit: str) -> None:
        destroy(lock, unit)

    async def unknown() -> None:
        return None

    spool, audio_keys = Spool(tmp_path / "spool"), AudioKeys(cast(Any, Keys()), destroying)
    async with open_store(tmp_path / "store.db", Recording) as store:
        for space_id, facts in spaces.items():
            await seed(store, space_id, facts)
        executor = Executor(store, lambda: AT, lambda _: ())
        recordings = Recordings(store, executor, audio_keys, spool)
        objects = StoredObjects(f"file://{tmp_path}/objects")
        live = Live(recordings, audio_keys, spool, unknown, UNASKED, timedelta())
        limits = FinishingLimits(grace=timedelta(), builds=1, give_up=timedelta(hours=1))
        builds = Builds(audio_keys, spool, objects, UNASKED)
        yield spool, live, Finishing(recordings, executor, spool, objects, UNASKED, builds, limits, live.finish)


@pytest.mark.parametrize("over", [FINISHED, FAILED], ids=["stored", "failed"])
async def test_what_was_mixed_goes_keys_first_before_the_folder_by_which_it_is_found(
    tmp_path: Path, over: Fact
) -> None:
    """As a crash left it just after the end was stored."""
    parts = path_of(tmp_path / "spool" / SPACE, 6)
    destroyed: list[tuple[str, str, bool]] = []

    def kept() -> bool:
        return bool(named(tmp_path, "*.bundles"))

    def destroy(lock: str, unit: str) -> None:
        destroyed.append((lock, unit, parts.exists()))

    async with recorder(tmp_path, {SPACE: (BEGAN, ENDED, over)}, destroy) as (spool, _, finishing):
        spooled(spool, SPACE)
        LiveParts(parts, 6).append(b"sealed")
        running = asyncio.create_task(finishing.run())
        await eventually(lambda: running.done() or (not spool.folder(SPACE).exists() and kept() is (over is FAILED)))
        await end(running)
    seal = object_names.of_live(SPACE, 6)
    assert destroyed == [(lock_name(*seal.subjects), seal.unit, True)]
    assert named(tmp_path, "*.parts") == []
    assert kept() is (over is FAILED)


@pytest.mark.parametrize("ours", [True, False], ids=["of this version", "of an earlier version"])
async def test_a_space_is_mixed_from_its_start_on_where_a_crash_came_before_its_first_part(
    tmp_path: Path, ours: bool
) -> None:
    async with recorder(tmp_path, {SPACE: (BEGAN,)}) as (spool, live, _):
        if ours:
            spool.open_space(SPACE)
        spooled(spool, SPACE)
        async with mixing(live):
            _, first, *_ = await eventually(lambda: far(live, SPACE))
    assert (first == 0) is ours
    assert first % live_audio.SEGMENT_PARTS == 0


async def test_a_space_that_cannot_begin_keeps_no_other_one_from_being_mixed(tmp_path: Path) -> None:
    async with recorder(tmp_path, {SPACE: (BEGAN,), OTHER: (BEGAN,)}) as (spool, live, _):
        spool.open_space(OTHER)
        spooled(spool, SPACE)
        (spool.folder(SPACE) / "live").write_bytes(b"no folder")
        async with mixing(live):
            _, first, *_ = await eventually(lambda: far(live, OTHER))
    assert first == 0


async def test_what_is_written_while_a_mix_is_dropped_goes_nowhere_else(tmp_path: Path) -> None:
    async with recorder(tmp_path, {SPACE: (BEGAN,)}) as (spool, live, _):
        spool.open_space(SPACE)
        async with mixing(live):
            await eventually(lambda: far(live, SPACE))
            append = live._runs[SPACE].parts.append  # as a thread has it that is about to write
            live.drop(ErasureTarget(f"space:{SPACE}"))
            other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
            append(b"sealed")
            assert os.fstat(other).st_size == 0
            os.close(other)
        assert path_of(spool.folder(SPACE), 0).read_bytes().endswith(b"sealed")


async def seed(store: Store[Recording], space_id: str, facts: tuple[Fact, ...]) -> None:
    """Store facts of a Space."""
    order = Order(id=f"seed:{space_id}", actor=None, at=AT)
    await store.execute(space_id, order, lambda _: facts, lambda _: None)


def spooled(spool: Spool, space_id: str) -> None:
    """Something is spooled of somebody whose keys are destroyed."""
    path = spool.folder(space_id) / ("c" * 26) / "session.bundles"
    path.parent.mkdir(parents=True)
    path.write_bytes(MAGIC)


def far(live: Live, space_id: str) -> tuple[Any, ...] | None:
    """How far the mix of a Space is, once there is one."""
    try:
        return live.far(space_id)
    except Refusal:
        return None


@asynccontextmanager
async def mixing(live: Live) -> AsyncIterator[None]:
    """It runs meanwhile."""
    running = asyncio.create_task(live.run())
    try:
        yield
    finally:
        await end(running)
