"""Worker processes: what they take, and those that hang."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from services.transcription.adapters.messages import PartialResult, Tuning
from services.transcription.adapters.worker_pool import WorkerLost, WorkerPool
from tests.integration.transcription.stage import bundles, carried
from tests.support.waiting import LIMIT

BASE = 1_800_000_000 * 10**9
HANGS_AFTER = 12.0
"""Seconds in which a busy machine still hears of a worker that works."""


async def test_a_worker_that_hangs_is_ended_and_the_utterance_tried_again(tmp_path: Path) -> None:
    said = carried()["slt"]
    bodies = list(bundles(said.packets[: int(float(said.sentences[0]["end_s"]) * 50) + 40], base_ns=BASE))
    shown: list[PartialResult] = []
    shown_again: list[PartialResult] = []
    pool = WorkerPool(1, "auto", None, tmp_path, 1, Tuning(), hangs_after=HANGS_AFTER)
    async with pool, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(pool.run())
        session = await pool.session(shown.append)
        for number, body in enumerate(bodies[:20], 1):
            await session.feed(number, body)
        (first,) = pool.pids
        pool._hangs_after = LIMIT  # the next one works
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(WorkerLost):
            async with asyncio.timeout(HANGS_AFTER + LIMIT):
                await session.feed(21, bodies[20])
        session.close()
        again = await pool.session(shown_again.append)
        assert pool.pids != [first]
        finals = [final for n, body in enumerate(bodies, 1) for final in (await again.feed(n, body)).finals]
        again.close()
        told = len(shown)
        running.cancel()
    assert {partial.began_ns for partial in shown_again} <= {final.began_ns for final in finals}
    assert len(shown) == told, "a session that is closed shows nothing more"
    assert "sailing together" in " ".join(final.text for final in finals)


async def test_numpy_takes_no_second_core_for_a_worker(tmp_path: Path) -> None:
    pool = WorkerPool(1, "auto", None, tmp_path, 1, Tuning())
    async with pool:
        await pool.try_model()
        (pid,) = pool.pids
        assert psutil.Process(pid).environ()["OPENBLAS_NUM_THREADS"] == "1"
