"""Rounds: what is owed is looked for when somebody wakes them, and again where the look failed."""

from __future__ import annotations

import asyncio
import logging

from libs.aio import Rounds, end
from tests.support.waiting import eventually


class Looks:
    """Counts looks; the next ones fail while `away`."""

    def __init__(self) -> None:
        self.number = 0
        self.away = False
        self.wait: float | None = None

    async def look(self) -> float | None:
        self.number += 1
        if self.away:
            raise OSError("unplugged")
        return self.wait


async def test_it_looks_once_and_again_when_it_is_woken() -> None:
    looks = Looks()
    rounds = Rounds(looks.look, log=logging.getLogger(__name__), later="later", away=(OSError,), pause=60)
    running = asyncio.create_task(rounds.run())
    await eventually(lambda: looks.number == 1)
    rounds.wake()
    await eventually(lambda: looks.number == 2)
    looks.wait = 0.01
    rounds.wake()
    await eventually(lambda: looks.number > 5)
    await end(running)


async def test_it_looks_again_after_a_while_where_something_was_away_and_says_so() -> None:
    looks = Looks()
    looks.away = True
    rounds = Rounds(looks.look, log=logging.getLogger(__name__), later="it waits", away=(OSError,), pause=0.01)
    running = asyncio.create_task(rounds.run())
    await eventually(lambda: looks.number > 2)
    assert rounds.trouble() == "it waits: unplugged"
    looks.away = False
    await eventually(lambda: rounds.trouble() is None)
    await end(running)
