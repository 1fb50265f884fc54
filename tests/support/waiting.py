"""Waiting for what nothing announces, and keeping the pace of speech and of load. Nothing else in the tests sleeps."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final, TypeVar, overload

import psutil

T = TypeVar("T")

LIMIT: Final = 90.0
"""Seconds after which what is waited for is missing: far more than it takes, also where twenty others want the same
processor. Only a failure takes so long."""
_AGAIN: Final = 0.02
"""Seconds between two looks."""


@overload
async def eventually(condition: Callable[[], Awaitable[T | None]], *, within: float = LIMIT) -> T: ...


@overload
async def eventually(condition: Callable[[], T | None], *, within: float = LIMIT) -> T: ...


async def eventually(condition: Callable[[], object], *, within: float = LIMIT) -> object:
    """Look again until the condition is true, and return what it was; for what nothing announces.

    It may be a coroutine function that asks somebody. Raises AssertionError when it is not so `within` seconds.
    """
    found: object = None
    try:
        async with asyncio.timeout(within) as limit:
            while True:
                looked = condition()
                found = await looked if inspect.isawaitable(looked) else looked
                if found:
                    return found
                await asyncio.sleep(_AGAIN)
    except TimeoutError:
        if limit.expired():
            raise AssertionError(f"{condition} was {found!r} for {within} s") from None
        raise


def in_time(condition: Callable[[], bool], *, within: float = LIMIT) -> None:
    """The same where no loop runs: while a server starts. Raises TimeoutError."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{condition} was not so within {within} s")
        time.sleep(_AGAIN)


async def pace(moment: float) -> None:
    """Wait for the moment (of `time.monotonic`) at which a packet or a request is due; not at all once it passed."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


async def beats(seconds: float) -> AsyncIterator[None]:
    """Now, and then every so many seconds, for ever: what is renewed, and load of so many a second."""
    due = time.monotonic()
    while True:
        yield
        due = max(due + seconds, time.monotonic())
        await pace(due)


@asynccontextmanager
async def standstill() -> AsyncIterator[Callable[[], float]]:
    """Gives the seconds so far by which the machine may have held up what is tested.

    Those are the longest time in which this loop did nothing at all, and all time in which this process and those that
    it started were ready to run and had no processor. On a busy machine whatever is tested may be later by so much, and
    is not to blame.
    """
    ticks = [time.monotonic()]
    before = _waited()

    async def tick() -> None:
        async for _ in beats(0.01):
            ticks.append(time.monotonic())  # noqa: PERF401  (it never ends)

    def held_up() -> float:
        longest = max(later - earlier for earlier, later in pairwise([*ticks, time.monotonic()]))
        return longest + sum(seconds - before.get(thread, 0.0) for thread, seconds in _waited().items())

    ticking = asyncio.create_task(tick())
    try:
        yield held_up
    finally:
        ticking.cancel()


def _waited() -> dict[str, float]:
    """For how many seconds each thread of this process, and of those that it started, waited for a processor.

    None where the kernel does not tell: `schedstat` has that in its second field, in nanoseconds.
    """
    found: dict[str, float] = {}
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(OSError):  # a process that has just ended
            for thread in os.listdir(tasks := f"/proc/{process.pid}/task"):
                with contextlib.suppress(OSError, IndexError), open(f"{tasks}/{thread}/schedstat") as stat:
                    found[thread] = int(stat.read().split()[1]) / 1e9
    return found
