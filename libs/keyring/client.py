"""Keys as a service uses them: asked for over the bus, kept in memory for minutes, dropped when they are destroyed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from contracts import subjects
from contracts.envelope import Event
from contracts.people import v1
from libs.aio import end
from libs.bus import Bus, Unavailable
from libs.ids import new_id
from libs.keyring.holders import touches
from libs.keyring.lock import Lock
from libs.keyring.names import lock_name
from libs.keyring.rows import ErasureTarget
from libs.keyring.tree import Tree
from libs.refusal import Refusal

_log = logging.getLogger(__name__)
_TOGETHER: Final = 64
"""Locks in one request."""
_ATTEMPTS: Final = 8
_RENEW: Final = 0.2
"""A lock that has less of its lease left is asked for again."""
_SWEEP: Final = 60.0

OnDrop = Callable[[ErasureTarget], object]
Fetch = Callable[[Iterable[str]], Awaitable[Mapping[str, Lock]]]
"""`Keyring.locks`: gets locks by name; raises Refusal and Unavailable."""


class Keyring:
    """The locks of a service. Made by `open_keyring`.

    At most `most` of them are kept, and each for no longer than its lease, so that a process that hears nothing any
    more cannot use what was destroyed. A `Lock` works on after a renewal; after a drop it raises Expired.
    """

    def __init__(self, bus: Bus, holder: str, *, most: int = 10_000, now: Callable[[], float] = time.monotonic) -> None:
        """`holder` names this process, the same for everything it asks; `now` is a clock that never goes back."""
        self._bus = bus
        self._holder = holder
        self._most = most
        self._now = now
        self._locks: OrderedDict[str, Lock] = OrderedDict()
        self._renew_at: dict[str, float] = {}
        self._asked: dict[str, asyncio.Future[Lock]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._next: asyncio.Task[None] | None = None
        self._on_drop: list[OnDrop] = []
        self._heard = 0
        """The highest number of which something was dropped here."""
        self._owed = 0
        self._wake = asyncio.Event()

    async def lock(self, *subjects: str) -> Lock:
        """The lock of one or two subjects. Raises Refusal or Unavailable where the owner of keys does not answer."""
        return await self._lock(lock_name(*subjects))

    async def locks(self, names: Iterable[str]) -> dict[str, Lock]:
        """Many locks by name (see `lock_name`), in few requests."""
        wanted = list(dict.fromkeys(names))
        return dict(zip(wanted, await asyncio.gather(*map(self._lock, wanted)), strict=True))

    def cached(self, *subjects: str) -> Lock | None:
        """The lock, if it is in memory."""
        lock = self._locks.get(lock_name(*subjects))
        return lock if lock is not None and lock.holds else None

    def on_drop(self, call: OnDrop) -> None:
        """Call `call` with everything that is destroyed, before this process says that it has dropped it.

        For caches of what was opened. It must forget at once, and not wait.
        """
        self._on_drop.append(call)

    # -- asking ------------------------------------------------------------------------------------------------

    async def _lock(self, name: str) -> Lock:
        lock = self._locks.get(name)
        holds = lock is not None and lock.holds
        if lock is not None and holds and self._now() < self._renew_at[name]:
            self._locks.move_to_end(name)
            return lock
        try:
            return await self._ask(name)
        except (Unavailable, Refusal):
            if lock is not None and lock.holds:
                return lock
            raise

    def _ask(self, name: str) -> asyncio.Future[Lock]:
        """Ask for a lock together with whatever else is asked for in this round of the loop."""
        if (asked := self._asked.get(name)) is None:
            asked = self._asked[name] = asyncio.get_running_loop().create_future()
            if self._next is None:
                self._next = asyncio.create_task(self._fetch_asked())
                self._asking.add(self._next)
                self._next.add_done_callback(self._asking.discard)
        # Who gives up waiting must not take the answer from the others.
        return asyncio.shield(asked)

    async def _fetch_asked(self) -> None:
        await asyncio.sleep(0)
        self._next = None
        batch, self._asked = self._asked, {}
        names = list(batch)
        try:
            for at in range(0, len(names), _TOGETHER):
                part = names[at : at + _TOGETHER]
                try:
                    found = await self._fetch(part)
                except (Unavailable, Refusal, ValueError) as error:
                    for name in part:
                        _fail(batch[name], error)
                else:
                    for name in part:
                        batch[name].set_result(found[name])
        finally:
            _give_up(batch.values())

    async def _fetch(self, names: list[str]) -> dict[str, Lock]:
        for _ in range(_ATTEMPTS):
            asked_at = self._now()
            left, trees = list(names), dict[str, Tree | None]()
            number: int | None = None
            lease = 0.0
            while left:
                answer = (await self._bus.ask(v1.LocksQuery(holder=self._holder, locks=tuple(left)))).result
                number = answer.number if number is None else min(number, answer.number)
                lease = answer.lease
                for one in answer.locks:
                    nodes = one.part if len(one.part) == one.size else await self._rest(one, answer.number)
                    if nodes is None:
                        number = -1  # it changed between two parts
                        break
                    trees[one.name] = None if one.destroyed else Tree.decode(nodes)
                if not answer.locks:
                    raise Unavailable("the owner of keys answered without any")
                left = [name for name in left if name not in trees] if number != -1 else []
            if number is not None and number >= self._heard:
                # What is dropped from here on finds these in the cache.
                return {name: self._keep(name, tree, asked_at, lease) for name, tree in trees.items()}
        raise Unavailable("keys are destroyed faster than they can be asked for")

    async def _rest(self, lock: v1.LockKeys, number: int) -> bytes | None:
        """All nodes of a lock that has more than fit in an answer; None where they changed meanwhile."""
        parts, have = [lock.part], len(lock.part)
        while have < lock.size:
            query = v1.LocksQuery(holder=self._holder, locks=(lock.name,), at=have)
            answer = (await self._bus.ask(query)).result
            (more,) = answer.locks
            if answer.number != number or more.size != lock.size or not more.part:
                return None
            parts.append(more.part)
            have += len(more.part)
        return b"".join(parts)

    def _keep(self, name: str, tree: Tree | None, asked_at: float, lease: float) -> Lock:
        lock = self._locks.get(name)
        if lock is not None and lock.holds:
            lock.renew(tree, asked_at + lease)
        else:
            lock = Lock(name, tree, until=asked_at + lease, now=self._now)
        self._locks[name] = lock
        self._locks.move_to_end(name)
        self._renew_at[name] = asked_at + lease * (1 - _RENEW)
        while len(self._locks) > self._most:
            self._forget(next(iter(self._locks)))
        self._wake.set()
        return lock

    def _forget(self, name: str) -> None:
        self._locks.pop(name).drop()
        del self._renew_at[name]

    # -- dropping ----------------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        if not isinstance(event, v1.KeysDropped):
            return
        # Not only what is new: who was restarted, or asked meanwhile, may have had an answer of before.
        self._heard = max(self._heard, event.number)
        for gone in event.gone:
            erased = ErasureTarget(gone.what, gone.unit)
            for name in [name for name in self._locks if touches(erased, name)]:
                self._forget(name)
            for call in self._on_drop:
                call(erased)
        self._owed = max(self._owed, event.number)
        self._wake.set()

    async def run(self) -> None:
        """Acknowledge what was dropped, and drop what is over; for ever."""
        while True:
            self._wake.clear()
            if number := self._owed:
                self._owed = 0
                # Where this fails, the owner tells again.
                with contextlib.suppress(Unavailable, Refusal):
                    await self._bus.ask(
                        v1.AcknowledgeDrop(command_id=new_id(), holder=self._holder, number=number), timeout=1.0
                    )
            for name in [name for name, lock in self._locks.items() if not lock.holds]:
                self._forget(name)
            ends = min((lock.until or 0.0 for lock in self._locks.values()), default=None)
            wait = _SWEEP if ends is None else min(max(ends - self._now(), 0.01), _SWEEP)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    async def begin(self) -> None:
        """Hear of what is destroyed from now on."""
        await self._bus.hear(self._hear, filter=subjects.passing_event("people", "*", v1.KeysDropped.name))

    async def finish(self) -> None:
        """Drop everything."""
        await end(*self._asking)
        _give_up(self._asked.values())
        for name in list(self._locks):
            self._forget(name)


def _give_up(asked: Iterable[asyncio.Future[Lock]]) -> None:
    """Let nobody wait for ever whose question was cut off."""
    for future in asked:
        if not future.done():
            _fail(future, Unavailable("keys are asked for no longer"))


def _fail(asked: asyncio.Future[Lock], error: Exception) -> None:
    asked.set_exception(error)
    asked.exception()  # seen: nobody may be waiting any more


@asynccontextmanager
async def open_keyring(bus: Bus, holder: str, *, most: int = 10_000) -> AsyncIterator[Keyring]:
    """The keyring of a process. Leaving the context drops every key."""
    keyring = Keyring(bus, holder, most=most)
    await keyring.begin()
    running = asyncio.create_task(keyring.run())
    try:
        yield keyring
    finally:
        await end(running)
        await keyring.finish()
