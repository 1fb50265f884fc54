"""Pictures of people that their issuer names: fetched, made small, and given to people."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from contracts.people.v1 import ChangePicture, PictureSize
from libs.bus import Unavailable
from libs.fetch import Fetcher, FetchError
from libs.ids import new_id
from libs.refusal import Refusal

_log = logging.getLogger(__name__)
_MOST: Final = 2 * 1024 * 1024
_WITHIN: Final = 10.0
_WAITING: Final = 200
"""Pictures that wait to be fetched; what comes beside them is fetched when its person comes again."""
_AGAIN: Final = 600.0
"""Seconds after which one that was tried is tried again."""
_REMEMBERED: Final = 10_000


class ClaimedPictures:
    """Fetches one after another. `run` is a task for life."""

    def __init__(
        self,
        fetcher: Fetcher,
        make: Callable[[bytes], Awaitable[Mapping[int, bytes]]],
        change: Callable[[ChangePicture], Awaitable[object]],
    ) -> None:
        self._fetcher = fetcher
        self._make = make
        self._change = change
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue(_WAITING)
        self._tried: OrderedDict[tuple[str, str], float] = OrderedDict()

    def want(self, person_id: str, source: str) -> None:
        """Have a picture fetched for somebody, soon."""
        now, key = time.monotonic(), (person_id, source)
        if self._waiting.full() or now - self._tried.get(key, -_AGAIN) < _AGAIN:
            return
        self._tried[key] = now
        self._tried.move_to_end(key)
        if len(self._tried) > _REMEMBERED:
            self._tried.popitem(last=False)
        self._waiting.put_nowait(key)

    async def run(self) -> None:
        """Fetch what is wanted, for ever."""
        while True:
            person_id, source = await self._waiting.get()
            try:
                await self._take(person_id, source)
            except (FetchError, Refusal, Unavailable) as error:
                why = error.detail if isinstance(error, Refusal) else str(error)
                _log.warning("a picture that an issuer names cannot be had", extra={"person": person_id, "why": why})

    async def _take(self, person_id: str, source: str) -> None:
        answer = await self._fetcher.fetch(source, most=_MOST, within=_WITHIN, headers={"accept": "image/*"})
        if answer.status != 200:
            raise FetchError(f"the address answers {answer.status}")
        sizes = await self._make(answer.body)
        await self._change(
            ChangePicture(
                command_id=new_id(),
                actor=person_id,
                picture_id=new_id(),
                sizes=tuple(PictureSize(side=side, data=data) for side, data in sizes.items()),
                source=source,
            )
        )
