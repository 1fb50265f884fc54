"""What a process that asks for keys is told where its question is cut off."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from contracts.people.v1 import LocksQuery
from libs.bus import Bus, Unavailable
from libs.keyring.client import Keyring
from tests.support.waiting import LIMIT


class Owner:
    """The owner of keys, who takes a question and never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def ask(self, query: LocksQuery) -> Any:
        self.asked.set()
        await asyncio.Event().wait()


async def test_whoever_waits_for_keys_is_told_when_the_keyring_is_given_up() -> None:
    owner = Owner()
    keyring = Keyring(cast(Bus, owner), "room-1")
    # More than go in one request, so that the last one is not asked for yet.
    waiting = [asyncio.create_task(keyring.lock(f"space:{number}")) for number in range(65)]
    await owner.asked.wait()
    late = asyncio.create_task(keyring.lock("space:late"))
    await asyncio.sleep(0)
    await keyring.finish()
    done, left = await asyncio.wait([*waiting, late], timeout=LIMIT)
    assert not left
    for task in done:
        with pytest.raises(Unavailable):
            task.result()
