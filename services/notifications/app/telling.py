"""Telling people in their browsers: whom news concern is found out a page at a time, then each browser is told once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.aio import end
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal
from libs.tables import TablesAway
from services.notifications.adapters.pushes import MOST_WAITING, Device, News, Outcome, Push, Pushes
from services.notifications.app.browsers import Browsers
from services.notifications.app.figures import PUSHES
from services.notifications.domain import news as domain
from services.notifications.domain.retrying import Retrying
from services.notifications.projection.audience import Audience

_log = logging.getLogger(__name__)
_PAGE: Final = 500
"""Followers that are looked at together."""
_PAGES: Final = 20
"""Pages that are looked at before something is sent again."""
_PAUSE: Final = 1.0
_LATER: Final = 2.0
"""Seconds until a message is looked at again for which keys or its Space cannot be had."""
_LOOK: Final = 60.0
_FINISH_SECONDS: Final = 3.0
_HEAR_SECONDS: Final = 3.0
"""To wait for news of who follows whom."""
_AWAY: Final = (TablesAway, Refusal, Unavailable)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of an attempt to tell a browser."""

    outcome: str
    """`sent`, `failed` (it is tried again while it is worth it), `refused`, `gone`, `erased`, `left_out`, `stale`, or
    `later`: nothing was tried, since something is away."""
    retry_after: float | None = None


Send = Callable[[Push], Awaitable[Told]]
"""Tells one browser, and raises nothing."""


class Teller:
    """Tells of news. `slots` messages are on their way at once, and `service_slots` to one push service: one that hangs
    keeps no other waiting."""

    def __init__(
        self,
        bus: Bus,
        pushes: Pushes,
        audience: Audience,
        browsers: Browsers,
        send: Send,
        retrying: Retrying,
        *,
        slots: int,
        service_slots: int,
        now: Callable[[], datetime],
    ) -> None:
        self._bus = bus
        self._pushes = pushes
        self._audience = audience
        self._browsers = browsers
        self._send = send
        self._retrying = retrying
        self._slots = slots
        self._service_slots = service_slots
        self._now = now
        self._wake = asyncio.Event()
        self._under_way: dict[tuple[str, str, str], tuple[str, asyncio.Task[None]]] = {}
        """With the push service, by what is sent."""
        self._done: list[tuple[Push, Told]] = []
        self._trouble: str | None = None
        self._finishing = asyncio.Event()
        self.on_gone: list[Callable[[], None]] = []
        """Called after it was written down that a browser is to be removed."""

    def wake(self) -> None:
        """There are news."""
        self._wake.set()

    def trouble(self) -> str | None:
        """For readiness: why nothing is told."""
        return self._trouble

    async def finish(self) -> None:
        """Begin no more, and write down what is sent within a moment, so that it is not sent again."""
        self._finishing.set()
        tasks = [task for _, task in self._under_way.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=_FINISH_SECONDS)
        with suppress(TablesAway):
            await self._settle()

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                self._wake.clear()
                try:
                    wait = await self._look()
                    self._trouble = None
                except _AWAY as error:
                    self._trouble = f"browsers are told later: {error}"
                    _log.warning("browsers are told later", extra={"why": str(error)})
                    wait = _PAUSE
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
        finally:
            await end(*(task for _, task in self._under_way.values()))

    async def _look(self) -> float:
        """Write down what was sent, send what is due, look for whom else to tell; seconds until there is more."""
        await self._settle()
        if self._finishing.is_set():
            return _LOOK
        more, trouble = False, None
        try:
            more = await self._find()
        except _AWAY as error:
            trouble = error  # what is known already is sent all the same
        later = await self._begin()
        if trouble is not None:
            raise trouble
        if more:
            return 0.0
        return _LOOK if later is None else min(max(later - self._seconds(), 0.01), _LOOK)

    # -- whom to tell ------------------------------------------------------------------------------------------

    async def _find(self) -> bool:
        """Write down browsers to tell; whether there may be more news to look at now."""
        found = await self._pushes.untold(_PAGE)
        if not found:
            return False
        waiting, _ = await self._pushes.waiting()
        pages = 0
        for news in found:
            if self._seconds() >= domain.expires(news.at):
                await self._pushes.tell(news, [], None, self._seconds())
            elif news.person:
                await self._pushes.tell(news, await self._of(news.person, reminders=True), None, self._seconds())
            else:
                if waiting >= MOST_WAITING or pages >= _PAGES:
                    return waiting < MOST_WAITING  # woken when one is sent
                waiting += await self._find_followers(news)
                pages += 1
        return True

    async def _find_followers(self, news: News) -> int:
        await self._audience.must_be_complete()
        if not news.place:
            # Who followed or subscribed a moment before. Where people is away, what is known of it has to do.
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEAR_SECONDS):
                    await self._audience.hear_all_of(self._bus, "people")
                    await self._audience.hear_all_of(self._bus, "notifications")
        followers, place = self._audience.followers_to_tell(news.host, news.place, _PAGE)
        devices = [device for one in followers for device in await self._of(one, reminders=False)]
        return await self._pushes.tell(news, devices, place, self._seconds())

    async def _of(self, person: str, *, reminders: bool) -> list[Device]:
        mine = await self._browsers.of(person)
        return [Device(person, one.id, one.service) for one in mine if (one.reminders if reminders else one.live)]

    # -- telling them ------------------------------------------------------------------------------------------

    async def _begin(self) -> float | None:
        """Begin to send what is due; when there is more to begin with, None where somebody wakes us then."""
        while not self._finishing.is_set() and (free := self._slots - len(self._under_way)) > 0:
            using = Counter(service for service, _ in self._under_way.values())
            full = [service for service, count in using.items() if count >= self._service_slots]
            due, later = await self._pushes.due(self._seconds(), free, self._under_way.keys(), full)
            begun = 0
            for push in due:
                if self._finishing.is_set():
                    return None
                if using[push.service] < self._service_slots:
                    using[push.service] += 1
                    begun += 1
                    self._under_way[push.key] = push.service, asyncio.create_task(self._tell(push), name="push")
            if not begun:
                return later
        return None

    async def _tell(self, push: Push) -> None:
        told = await self._send(push)
        self._done.append((push, told))
        self._wake.set()

    async def _settle(self) -> None:
        done, self._done = self._done, []
        if not done:
            return
        try:
            await self._pushes.settle([self._outcome(push, told) for push, told in done])
        except BaseException:
            self._done = [*done, *self._done]
            raise
        for push, told in done:
            self._under_way.pop(push.key, None)
            if told.outcome != "later":
                PUSHES.labels(push.about.value, told.outcome).inc()
        for call in self.on_gone if any(told.outcome in ("gone", "erased") for _, told in done) else ():
            call()

    def _outcome(self, push: Push, told: Told) -> Outcome:
        now = self._seconds()
        match told.outcome:
            case "later":
                return Outcome(push, now + _LATER, tried=False)
            case "failed":
                pause = self._retrying.pause(push.attempts + 1, random.random(), told.retry_after)
                # Where that is too late it is looked at once more, and found to be.
                return Outcome(push, min(now + pause, max(domain.expires(push.at), now)))
            case "gone" | "erased":
                return Outcome(push, None, gone=told.outcome)
            case _:
                return Outcome(push, None)

    def _seconds(self) -> float:
        return self._now().timestamp()
