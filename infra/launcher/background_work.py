"""What a running system does in the background, and the failure that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from infra.launcher.errors import LauncherError, StartFailed
from infra.launcher.folder import Folder


class BackgroundWork:
    """Tasks of a system. The first that fails ends it, as does `fail`."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] | None = None
        self.ending = False
        """Whether the system is stopped anyhow, so that no task can fail it."""

    def begin(self) -> None:
        """Make ready, on the loop of the system."""
        self._failure = asyncio.get_running_loop().create_future()
        self._failure.add_done_callback(lambda future: future.exception())

    def fail(self, error: LauncherError) -> None:
        """End the system for this reason, unless it has another."""
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)

    def raise_failure(self) -> None:
        """Raises why the system ends, if it does."""
        if self._failure is not None and self._failure.done():
            self._failure.result()

    async def failed(self) -> None:
        """Until the system fails; then raises why."""
        assert self._failure is not None
        await asyncio.shield(self._failure)

    async def or_failure(self, wanted: Coroutine[Any, Any, object], what: str, timeout: float) -> None:
        """Wait for something of a process. Raises why the system ends, or StartFailed after `timeout` seconds."""
        assert self._failure is not None
        waiting = asyncio.ensure_future(wanted)
        both: set[asyncio.Future[Any]] = {waiting, self._failure}
        try:
            await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            self.raise_failure()
            if not waiting.done():
                last = self._folder.last_words(what)
                raise StartFailed(
                    f"{what} was not ready within {timeout:.0f} s: {last} (log: {self._folder.log(what)})"
                )
        finally:
            waiting.cancel()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside everything else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.ending:
            self.fail(error if isinstance(error, LauncherError) else LauncherError(f"{type(error).__name__}: {error}"))

    async def end(self) -> None:
        """Cancel what runs, and wait for it."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
