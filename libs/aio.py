"""What asyncio leaves to everybody."""

from __future__ import annotations

import asyncio
from typing import Any


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they are done, whatever they ended with.

    Cancelled again until it helps: up to Python 3.11 `asyncio.wait_for` can swallow a cancellation that arrives
    together with the result it waits for (CPython issue 86296).
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.1)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen
