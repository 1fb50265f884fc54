"""A read model of contract events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts import subjects
from libs.bus import Bus, Received, StreamReset
from libs.readmodel.file import ModelFile

_log = logging.getLogger(__name__)
_PAUSE: Final = 0.2


class ReadModel(ModelFile, ABC):
    """Subclasses give a schema, the subjects they read, and `apply`; `run` is a task for the life of the service."""

    filters: ClassVar[Sequence[str]]
    """Subjects of `contracts.subjects` that do not overlap."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.on_applied: list[Callable[[Sequence[Received]], None]] = []
        """Called after a batch is committed; for those who watch."""
        self._changed = asyncio.Event()
        self._target: int | None = None

    @abstractmethod
    def apply(self, received: Received) -> None:
        """Change the tables by one event, inside a transaction. Events come in stream order, each once."""

    async def run(self, bus: Bus) -> None:
        """Follow the stream for ever; starts over when it was rebuilt."""
        while True:
            try:
                if self.epoch is None:
                    self.epoch = await bus.stream_epoch()
                self._target = max([await _last(bus, subject) for subject in self.filters], default=0)
                self._changed.set()
                async for batch in bus.follow(filters=self.filters, after=self.sequence, epoch=self.epoch):
                    self.take(batch, self.epoch)
                return  # the connection is closed
            except StreamReset as reset:
                _log.warning("the stream was rebuilt; %s is filled anew", self.path.name)
                self._target = None
                self.clear()
                self.epoch = reset.epoch
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                if bus.nc.is_closed:
                    return
                _log.warning("the stream cannot be read yet, trying again", extra={"why": str(error)})
                await asyncio.sleep(_PAUSE)

    def take(self, batch: Sequence[Received], epoch: str) -> None:
        """Apply a batch of the stream `epoch`, leaving out what is applied already."""
        fresh = [received for received in batch if received.sequence > self.sequence]
        if not fresh:
            return
        with self.transaction():
            for received in fresh:
                self.apply(received)
            self._move_to(epoch, fresh[-1].sequence)
        self.epoch, self.sequence = epoch, fresh[-1].sequence
        for call in self.on_applied:
            call(fresh)
        self._changed.set()

    def lack(self) -> str | None:
        """What is missing until it has caught up with the stream as it was at the start; None when it has."""
        if self._target is None:
            return "waiting for the stream"
        left = self._target - self.sequence
        return f"{left} sequences behind the stream" if left > 0 else None

    async def until(self, true: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until `true()` holds, looking again after each batch; whether it did within `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not true():
                    self._changed.clear()
                    await self._changed.wait()
                return True
        return true()


async def _last(bus: Bus, subject: str) -> int:
    """Sequence of the newest event on a subject pattern, 0 where there is none."""
    try:
        return (await bus.js.get_last_msg(subjects.EVENTS_STREAM, subject)).seq or 0
    except NotFoundError:
        return 0
