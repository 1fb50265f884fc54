"""Waiting for what nothing announces, and keeping the pace of speech and of load. Nothing else in the tests sleeps."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Final, TypeVar, overload

T = TypeVar("T")

LIMIT: Final = 15.0
"""Seconds after which what is waited for is missing: far more than it takes, so that a busy machine is no failure."""
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


def in_time(condition: Callable[[], bool], *, within: float) -> None:
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
    """Gives the longest time so far, in seconds, in which this loop did nothing at all.

    On a busy machine whatever goes through the loop may be later by so much, and nothing that is tested is to blame.
    """
    ticks = [time.monotonic()]

    async def tick() -> None:
        async for _ in beats(0.01):
            ticks.append(time.monotonic())  # noqa: PERF401  (it never ends)

    ticking = asyncio.create_task(tick())
    try:
        yield lambda: max(later - earlier for earlier, later in pairwise([*ticks, time.monotonic()]))
    finally:
        ticking.cancel()
