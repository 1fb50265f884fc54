"""A read model of contract events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.envelope import event_types
from libs.aio import end
from libs.bus import Bus, Received
from libs.bus.anew import StreamPlace, follow_anew
from libs.bus.halts import Unreadable
from libs.bus.opening import Opening
from libs.readmodel.file import ModelFile, is_damage
from libs.refusal import Refusal

_log = logging.getLogger(__name__)
_PAUSE: Final = 0.2
_ANSWER_SECONDS: Final = 5.0
_CATCH_UP_SECONDS: Final = 1.0
"""How long whoever asks is kept waiting for a model that catches up."""
_SOUND_FOR: Final = 60.0
"""Seconds a file that was filled anew must last; a disk that spoils it sooner is for the operator to look at."""


class ReadModel(ModelFile, ABC):
    """Subclasses give a schema, the subjects they read, and `apply`; `run` is a task for the life of the service."""

    filters: ClassVar[Sequence[str]]
    """Subjects of `contracts.subjects` that do not overlap."""
    patience: ClassVar[float] = 5.0
    """Seconds that a service which does not run is waited for, when the stream is filled again from the stores."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.on_applied: list[Callable[[Sequence[Received]], None]] = []
        """Called after a batch is committed; for those who watch."""
        self._changed = asyncio.Event()
        self._target: int | None = None
        self._caught_up = False
        self._refilled_by: set[str] = set()
        """The services that are filling a stream that was lost."""
        self._met = asyncio.Event()
        """Set when damage was met."""
        self._set_aside_at = float("-inf")
        self._unknown: set[tuple[str, str]] = set()
        """Types of events that were passed over and are not noted in the file yet."""
        self._seen = 0
        """Everything up to here was applied or passed over."""
        self._standing: Unreadable | None = None
        """The event that it stands before."""
        self._opening: Opening | None = None

    @abstractmethod
    def apply(self, received: Received) -> None:
        """Change the tables by one event, inside a transaction. Events come in stream order, each once."""

    def _shape(self) -> str:
        return "\n".join((self.schema, *self.filters))

    def _open(self) -> bool:
        if not super()._open():
            return False
        passed_over = set(self.db.execute("SELECT context, name FROM unknown"))
        if known := sorted(f"{context}.{name}" for context, name in passed_over & event_types().keys()):
            _log.warning("%s is filled anew: this version knows %s", self.path.name, ", ".join(known))
            return False
        return True

    async def run(self, bus: Bus, opening: Opening | None = None) -> None:
        """Follow the stream for ever; starts over when it was rebuilt, or the file is damaged.

        A model that keeps words is given what opens them.

        Raises sqlite3.DatabaseError when the file that took the place of a damaged one is damaged too.
        """
        self._opening = opening
        while not bus.nc.is_closed:
            if self.damage is None:
                self._met.clear()  # what was damaged at the opening is set aside already
            following = asyncio.create_task(self._follow(bus))
            met = asyncio.create_task(self._met.wait())
            try:
                await asyncio.wait({following, met}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(met)
                if not following.done():
                    await end(following)
            error = None if following.cancelled() else following.exception()
            if error is not None and not (isinstance(error, sqlite3.DatabaseError) and is_damage(error)):
                raise error
            if self.damage is not None:
                if self._set_aside_at + _SOUND_FOR > time.monotonic():
                    raise error or sqlite3.DatabaseError(f"{self.path} is damaged again: {self.damage}")
                self._set_aside_at = time.monotonic()
                self._met.clear()
                self._target, self._caught_up, self._seen = None, False, 0
                self.set_aside()

    def met_damage(self, error: sqlite3.Error) -> None:
        super().met_damage(error)
        self._met.set()

    async def _follow(self, bus: Bus) -> None:
        refills: list[asyncio.Task[None]] = []
        try:
            await self._follow_with(bus, refills)
        finally:
            self._refilled_by.clear()
            await end(*refills)

    async def _follow_with(self, bus: Bus, refills: list[asyncio.Task[None]]) -> None:
        async def begin(reset: str | None) -> StreamPlace:
            if reset is not None:
                self._target, self._caught_up, self._seen = None, False, 0
                self.clear()
                self.epoch = reset
                await end(*refills)
                refills[:] = [asyncio.create_task(self._await_refill(bus), name=f"refill of {self.path.name}")]
            if self.epoch is None:
                self.epoch = await bus.stream_epoch()
            if not refills:
                await self._aim(bus)
            return StreamPlace(self.epoch, self.sequence)

        follow = partial(
            bus.follow,
            filters=self.filters,
            unreadable=partial(self._hold, bus),
            unknown=self._pass_over,
            passed=self._pass,
            opening=self._opening,
        )
        async for batch in follow_anew(bus, self.path.name, begin, follow):
            assert self.epoch is not None
            self.take(batch, self.epoch)

    async def _hold(self, bus: Bus, event: Unreadable) -> None:
        """Stand before an event that cannot be read: what it would have changed is answered by nobody."""
        self._caught_up = False
        self._standing = event
        try:
            await bus.halts.hold(self.path.stem, event)
        finally:
            self._standing = None
            self._changed.set()
        self._seen = event.sequence

    def _pass_over(self, subject: str, sequence: int) -> None:
        """Remember an event whose type this version does not know: a later one reads it, see `_open`."""
        _, context, _, _, name = subject.split(".")
        self._unknown.add((context, name))
        self._seen = sequence

    def _pass(self, sequence: int) -> None:
        """Go on behind what nobody published, or is told no more."""
        self._seen = sequence

    async def _aim(self, bus: Bus) -> None:
        """Learn where the stream ends now, which is how far the model has to come."""
        self._target = max([await _last(bus, subject) for subject in self.filters], default=0)
        self._changed.set()

    async def _await_refill(self, bus: Bus) -> None:
        """Learn where a stream ends that was lost, once the relays have put everything stored into it again."""
        read = {subject.split(".")[1] for subject in self.filters}
        contexts = subjects.STORED_CONTEXTS if "*" in read else read.intersection(subjects.STORED_CONTEXTS)
        self._refilled_by = set(contexts)
        await asyncio.gather(*(self._is_whole(bus, context) for context in contexts))
        while True:
            try:
                await self._aim(bus)
                return
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError):
                await asyncio.sleep(_PAUSE)

    async def _is_whole(self, bus: Bus, context: str) -> None:
        """Wait until everything that one context has stored is in the stream."""
        loop = asyncio.get_running_loop()
        missed_since: float | None = None
        while not bus.nc.is_closed:
            try:
                await bus.request(subjects.relay_check(context), b"", timeout=_ANSWER_SECONDS)
                break
            except nats.errors.NoRespondersError:
                missed_since = missed_since or loop.time()
                if loop.time() - missed_since > self.patience:
                    _log.warning("%s goes on without what %s has stored, which does not run", self.path.name, context)
                    break
            except (nats.errors.Error, TimeoutError, OSError):
                missed_since = None  # it is at it, or NATS is away
            await asyncio.sleep(_PAUSE)
        self._refilled_by.discard(context)

    def take(self, batch: Sequence[Received], epoch: str) -> None:
        """Apply a batch of the stream `epoch`, leaving out what is applied already."""
        fresh = [received for received in batch if received.sequence > self.sequence]
        place = max(self._seen, fresh[-1].sequence if fresh else 0)
        if place <= self.sequence:
            return
        with self.transaction():
            for received in fresh:
                self.apply(received)
            if self._unknown:
                self.db.executemany("INSERT OR IGNORE INTO unknown VALUES (?, ?)", sorted(self._unknown))
                self._unknown.clear()
            self._move_to(epoch, place)
        self.epoch, self.sequence = epoch, place
        for call in self.on_applied if fresh else ():
            call(fresh)
        self._changed.set()

    def lack(self) -> str | None:
        """What is missing until it has caught up with the stream as it was at the start; None when it has."""
        if self.damage is not None:
            return f"{self.path.name} is damaged and is filled anew"
        if self._standing is not None:
            return f"stands before {self._standing.subject} ({self._standing.id}), which it cannot read"
        if self._refilled_by:
            return f"waiting until {', '.join(sorted(self._refilled_by))} filled the stream again"
        if self._opening is not None and self._opening.trouble is not None:
            return self._opening.trouble
        if self._target is None:
            return "waiting for the stream"
        left = self._target - self.sequence
        return f"{left} sequences behind the stream" if left > 0 else None

    async def must_be_complete(self) -> None:
        """Wait a moment until it has caught up since the start, or since the stream or the file was lost.

        What it does not know yet (a block, a suspension, that a Space ended) would be answered as if it were not so.
        Raises Refusal unavailable when it takes longer.
        """
        if self._caught_up:
            return
        if not await self.until(lambda: self.lack() is None, _CATCH_UP_SECONDS):
            raise Refusal("unavailable", "This part of the system is catching up; try again in a moment.", retry=True)
        self._caught_up = True

    async def hear_all_of(self, bus: Bus, context: str) -> None:
        """Wait until everything that a context has stored by now is applied here, for as long as that takes: also
        while its service is away."""
        own = [subject for subject in self.filters if subject.split(".")[1] == context]
        while True:
            try:
                await bus.request(subjects.relay_check(context), b"", timeout=_ANSWER_SECONDS)
                end_of_it = max([await _last(bus, subject) for subject in own], default=0)
                break
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError):
                await asyncio.sleep(_PAUSE)
        await self.until(lambda: self.sequence >= end_of_it)

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
