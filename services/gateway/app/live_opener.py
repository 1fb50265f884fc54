"""The words of events for clients, who are told of whatever happens also while keys cannot be had."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final

from contracts.sealed import Box, Texts
from libs.aio import Rounds
from libs.bus import Unavailable
from libs.keyring.client import Keyring
from libs.keyring.errors import Expired
from libs.keyring.lock import Lock
from libs.keyring.names import subjects_of
from libs.keyring.opening import open_box
from libs.refusal import Refusal

_log = logging.getLogger(__name__)
_PATIENCE: Final = 2.0
"""Seconds for which an event waits for keys while they could be had a moment ago."""
_HASTE: Final = 0.2
"""The same where they could not."""
_AGAIN: Final = 0.5
_LOOK: Final = 1.0
_SETTLE: Final = 3.0
"""Seconds after which the other services too have asked for the keys that they show words with."""
_ATTEMPTS: Final = 8
_MOST: Final = 64
"""Locks that are asked for to learn whether keys can be had again."""


class LiveOpener:
    """Opens words (`libs.bus.opening.Opening`), and leaves those closed whose keys cannot be had within a moment.

    Clients are shown what stands for them. When keys can be had again, `run` has them start over.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._lacking: dict[str, None] = {}
        """Locks that could not be had for what clients were told."""
        self._rounds = Rounds(
            self._look, log=_log, later="words wait for keys", away=(Unavailable, Refusal), pause=_LOOK
        )
        self._back: Callable[[], None] = _nothing
        self.trouble: str | None = None

    async def texts(self, boxes: Collection[Box]) -> Texts:
        """What is in these boxes, as far as the keys can be had now; None where it was erased."""
        names = {name for box in boxes for name in box.locks}
        found: dict[Box, str | None] = {}
        for _ in range(_ATTEMPTS):
            reached = await self._reach(names)
            found = self._opened(boxes)
            if len(found) == len(boxes):
                return found
            if not reached:
                break
        for name in names:
            if len(self._lacking) < _MOST and self._keyring.cached(*subjects_of(name)) is None:
                self._lacking[name] = None
        self._rounds.wake()
        return found

    def lack(self) -> str | None:
        """For readiness: None while everything that is shown is open."""
        return "waiting for keys: words are not shown" if self._lacking else None

    async def run(self, back: Callable[[], None]) -> None:
        """Call `back` when keys can be had again after clients were told something without its words; for ever."""
        self._back = back
        await self._rounds.run()

    async def _reach(self, names: Collection[str]) -> bool:
        """Whether these keys could be had."""
        try:
            async with asyncio.timeout(_HASTE if self._lacking else _PATIENCE):
                while True:
                    try:
                        await self._keyring.locks(names)
                        return True
                    except (Unavailable, Refusal):
                        if self._lacking:
                            return False
                        await asyncio.sleep(_AGAIN)
        except TimeoutError:
            return False

    def _opened(self, boxes: Collection[Box]) -> dict[Box, str | None]:
        """Of these boxes those whose keys are here, opened; nothing else runs meanwhile."""
        found: dict[Box, str | None] = {}
        for box in boxes:
            locks: dict[str, Lock] = {}
            for name in box.locks:
                if (lock := self._keyring.cached(*subjects_of(name))) is not None:
                    locks[name] = lock
            if len(locks) == len(set(box.locks)):
                try:
                    found[box] = open_box(box, locks.__getitem__)
                except Expired:
                    continue
        return found

    async def _look(self) -> float | None:
        if not self._lacking:
            return None
        await self._keyring.locks(self._lacking)
        await asyncio.sleep(_SETTLE)
        self._lacking.clear()
        self._back()
        return None


def _nothing() -> None:
    pass
