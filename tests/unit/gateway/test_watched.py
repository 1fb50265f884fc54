"""Each Space that somebody watches is loaded once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from contracts.commands import Query
from libs.bus import Unavailable
from libs.ids import new_id
from services.gateway.app.watched import WatchedSpaces
from tests.support.waiting import eventually


class Room:
    """Answers nothing before it is told to."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[Any]] = []

    async def ask(self, query: Query[Any], timeout: float) -> SimpleNamespace:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.asked.append(answer)
        return SimpleNamespace(result=await answer)


async def test_an_answer_that_fails_after_the_stream_was_made_anew_forgets_no_later_space() -> None:
    answers, space = Room(), new_id()
    spaces = WatchedSpaces(cast(Any, answers), 1.0)
    early = asyncio.create_task(spaces.attach(space, cast(Any, None)))
    await eventually(lambda: len(answers.asked) == 2)
    spaces.reset()
    late = asyncio.create_task(spaces.attach(space, cast(Any, None)))
    await eventually(lambda: len(answers.asked) == 4)
    answers.asked[0].set_exception(Unavailable("away"))
    with pytest.raises(Unavailable):
        await early
    again = asyncio.create_task(spaces.attach(space, cast(Any, None)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(answers.asked) == 4, "it waits for the one that is being loaded"
    for task in (late, again):
        task.cancel()
